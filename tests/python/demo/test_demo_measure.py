# SPDX-License-Identifier: Apache-2.0
"""Accuracy, sparsity and the rows of the table."""

from __future__ import annotations

import numpy as np
import pytest
from demo_models import pruned, small_network

import ubp
from demo.conversion import sparsity, verify_conversion
from demo.digits import Images
from demo.importance import kept_share
from demo.measure import accuracies, classify, measure, standard_interpreter


@pytest.fixture(scope="module")
def model():
    return small_network()


@pytest.fixture(scope="module")
def sparse(model):
    return pruned(model, ubp.UnalignedBlock(4))


@pytest.fixture(scope="module")
def images(sparse) -> Images:
    """Images whose labels the pruned network gets right, but for every fourth."""
    pixels = np.random.default_rng(0).standard_normal((40, 12, 12, 8)).astype(np.float32)
    labels = np.argmax(sparse.predict(pixels, verbose=0), axis=1)
    labels[::4] = (labels[::4] + 1) % 10
    return Images(pixels, labels)


def test_accuracy_through_the_interpreters(model, sparse, images: Images) -> None:
    dense, converted = ubp.convert(model), ubp.convert(sparse)
    classes = np.argmax(model.predict(images.pixels, verbose=0), axis=1)
    np.testing.assert_array_equal(classify(standard_interpreter(dense.dense), images), classes)
    assert accuracies(dense, {"unaligned": converted}, images) == [
        pytest.approx(np.mean(classes == images.labels)),
        0.75,
    ]


def test_rows(model, sparse) -> None:
    dense, converted = ubp.convert(model), ubp.convert(sparse)
    first, second = measure(dense, {"unaligned": converted}, 1, 2, [0.5, 0.75])
    assert (first.model, first.accuracy, first.sparsity) == ("dense", 0.5, 0.0)
    assert (first.file_bytes, first.ubp_ms, first.speedup) == (len(dense.dense), None, None)
    assert (second.model, second.accuracy) == ("unaligned", 0.75)
    assert second.file_bytes == len(converted.model) < len(converted.dense)
    assert min(first.xnnpack_ms, second.xnnpack_ms, second.ubp_ms, second.speedup) > 0


def test_sparsity_counts_every_weight_once(sparse) -> None:
    kernels = [layer.kernel.numpy() for layer in sparse.layers if hasattr(layer, "kernel")]
    zeros = sum(np.sum(kernel == 0) for kernel in kernels)
    expected = zeros / sum(kernel.size for kernel in kernels)
    assert sparsity(ubp.convert(sparse)) == pytest.approx(expected)
    assert 0.5 < expected < 0.8  # the first and the last layer have no zeros


def test_wrong_conversion_is_found(model, sparse) -> None:
    dense, converted = ubp.convert(model), ubp.convert(sparse)
    verify_conversion("right", converted)
    wrong = ubp.ConversionResult(converted.model, dense.dense, [])
    with pytest.raises(RuntimeError, match="'wrong' differs"):
        verify_conversion("wrong", wrong)


def test_looser_patterns_keep_more(model) -> None:
    patterns = (ubp.AlignedBlock(4), ubp.UnalignedBlock(4), ubp.Unstructured())
    shares = [kept_share(model, pattern) for pattern in patterns]
    assert 0.2 < shares[0] < shares[1] < shares[2] < 1
