# SPDX-License-Identifier: Apache-2.0
"""ubp.check.samples: inputs for a verification, from arrays, .npy files and pictures."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from ubp.check.samples import read_samples, split


def detail(shape: tuple[int, ...], dtype: type = np.float32, name: str = "x") -> dict[str, Any]:
    return {"name": name, "shape": np.array(shape), "dtype": dtype}


def test_arrays_are_cut_into_batches() -> None:
    array = np.arange(24.0).reshape(6, 4)
    samples = split([array], [detail((2, 4))])
    assert len(samples) == 3
    np.testing.assert_array_equal(samples[1][0], array[2:4])
    assert samples[0][0].dtype == np.float32


def test_several_inputs_have_as_many_samples() -> None:
    details = [detail((1, 4), name="a"), detail((1, 2), name="b")]
    samples = split([np.zeros((3, 4)), np.ones((3, 2))], details)
    assert [[each.shape for each in sample] for sample in samples] == [[(1, 4), (1, 2)]] * 3
    with pytest.raises(ValueError, match=r"^the inputs have \[3, 2\] samples"):
        split([np.zeros((3, 4)), np.ones((2, 2))], details)
    with pytest.raises(ValueError, match="1 arrays for a model with 2 inputs"):
        split([np.zeros((3, 4))], details)


@pytest.mark.parametrize("shape", [(4,), (2, 5), (3, 4, 1), (3, 4)])
def test_other_shapes_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"^input 'x': an array of shape .*, expected \(2, 4\)"):
        split([np.zeros(shape)], [detail((2, 4))])


def test_npy_files(tmp_path: Path) -> None:
    path = tmp_path / "x.npy"
    np.save(path, np.arange(8.0).reshape(2, 4))
    samples = read_samples([path], [detail((1, 4))])
    assert [[each.shape for each in sample] for sample in samples] == [[(1, 4)], [(1, 4)]]
    with pytest.raises(ValueError, match="2 input files for a model with 1 inputs"):
        read_samples([path, path], [detail((1, 4))])
    with pytest.raises(FileNotFoundError, match="no such file"):
        read_samples([tmp_path / "none.npy"], [detail((1, 4))])
    path.write_bytes(b"nonsense")
    with pytest.raises(ValueError, match="not a NumPy file"):
        read_samples([path], [detail((1, 4))])


@pytest.mark.parametrize("channels", [1, 3])
def test_pictures_are_resized_and_scaled(tmp_path: Path, channels: int) -> None:
    paths = [tmp_path / "white.png", tmp_path / "black.bmp"]
    Image.new("RGB", (10, 20), "white").save(paths[0])
    Image.new("L", (7, 5), 0).save(paths[1])
    [white], [black] = read_samples(paths, [detail((1, 8, 6, channels))])
    assert white.shape == (1, 8, 6, channels) and white.dtype == np.float32
    assert (white == 1.0).all() and (black == 0.0).all()
    [integers], _ = read_samples(paths, [detail((1, 8, 6, channels), np.uint8)])
    assert (integers == 255).all()


def test_sizes_that_are_open_are_the_arrays_own(tmp_path: Path) -> None:
    open_sizes = {**detail((1, 1, 1, 3)), "shape_signature": np.array([-1, -1, -1, 3])}
    assert [s[0].shape for s in split([np.zeros((2, 9, 7, 3))], [open_sizes])] == [(1, 9, 7, 3)] * 2
    with pytest.raises(ValueError, match=r"expected \(1, any, any, 3\) or a multiple"):
        split([np.zeros((2, 9, 7, 4))], [open_sizes])
    batches = split([np.zeros((4, 9, 7, 3))], [open_sizes], [(2, 9, 7, 3)])
    assert [sample[0].shape for sample in batches] == [(2, 9, 7, 3)] * 2
    paths = [tmp_path / "a.png", tmp_path / "b.png"]
    for path, size in zip(paths, ((10, 20), (7, 5)), strict=True):
        Image.new("RGB", size).save(path)
    samples = read_samples(paths, [open_sizes])
    assert [sample[0].shape for sample in samples] == [(1, 20, 10, 3), (1, 5, 7, 3)]
    samples = read_samples(paths, [open_sizes], [(1, 8, 6, 3)])
    assert [sample[0].shape for sample in samples] == [(1, 8, 6, 3)] * 2


def test_arrays_of_another_kind_are_refused() -> None:
    with pytest.raises(ValueError, match="an array of type <U3, expected float32"):
        split([np.array([["cat"]])], [detail((1, 1))])


def test_no_pictures_for_other_models(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    Image.new("RGB", (4, 4)).save(path)
    for details in ([detail((1, 4))], [detail((1, 4, 4, 8))], [detail((1, 4, 4, 3))] * 2):
        with pytest.raises(ValueError, match="pictures are given for a model that does not have"):
            read_samples([path], details)
    path.write_bytes(b"nonsense")
    with pytest.raises(ValueError, match="neither a NumPy file"):
        read_samples([path], [detail((1, 4, 4, 3))])
