# SPDX-License-Identifier: Apache-2.0
"""ubp.reporting.conversion: the report as a page and as JSON."""

import dataclasses
import io
import json
import re
import sys

import numpy as np
import pytest
from rich.console import Console
from single_models import one_conv, sparse_weights

from fuzz.builder import ModelBuilder
from ubp.check.verification import Verification
from ubp.conversion import ConversionResult, convert
from ubp.conversion.layer_report import sparsity_of
from ubp.reporting.conversion import to_html, to_json, totals
from ubp.reporting.tables import print_report


@pytest.fixture
def result(rng: np.random.Generator) -> ConversionResult:
    """Two layers: one that is converted, with a name that HTML must escape, and one that stays."""
    model = ModelBuilder()
    graph = model.subgraph()
    x = graph.input([1, 14, 14, 64])
    x = graph.conv(x, graph.constant(sparse_weights(rng, (128, 1, 1, 64)), "<b>&first"))
    dense = rng.normal(size=(32, 1, 1, 128)).astype(np.float32)
    graph.output(graph.conv(x, graph.constant(dense, "second")))
    return convert(model.build())


def test_totals_weigh_layers_with_their_work(result: ConversionResult) -> None:
    first, second = result.report
    first = dataclasses.replace(first, macs=100, speedup=4.0, measured=2.0)
    both = [first, dataclasses.replace(first, macs=300, speedup=2.0, measured=None), second]
    assert totals(both).predicted == pytest.approx(400 / (100 / 4 + 300 / 2))
    assert totals(both).measured is None  # one of them was not measured
    assert totals([first, second]).measured == 2.0
    assert (totals(both).taken, totals(both).layers) == (2, 3)
    zeros = (128 * 64 * first.sparsity + 0) / (128 * 64 + 32 * 128)
    assert totals([first, second]).model_sparsity == pytest.approx(zeros)
    assert result.sparsity == totals([first, second]).model_sparsity
    assert (
        totals([]).sparsity is None
        and totals([]).model_sparsity is None
        and sparsity_of([]) is None
    )


def test_layers_that_were_not_examined_do_not_count(result: ConversionResult) -> None:
    first, second = result.report
    unknown = dataclasses.replace(second, sparsity=None)
    assert sparsity_of([first, unknown]) == pytest.approx(first.sparsity)
    assert dataclasses.replace(result, report=[unknown]).sparsity is None


def test_the_table_ends_with_all_layers_together(result: ConversionResult) -> None:
    text = io.StringIO()
    print_report(result.report, Console(file=text, width=160))
    rows = [line for line in text.getvalue().splitlines() if line.startswith("│")]
    assert len(rows) == 3
    assert f"{result.sparsity:.1%}" in rows[-1]
    before = sum(layer.bytes_before for layer in result.report) / 1024
    after = sum(layer.bytes_after for layer in result.report) / 1024
    assert f"{before:.1f} -> {after:.1f}" in rows[-1]
    page = to_html(result, "model")
    assert f"<b>{totals(result.report).sparsity:.1%}</b><span>sparsity" in page
    assert f"of all layers {result.sparsity:.1%}</span>" in page


def test_the_page_stands_alone_and_shows_every_layer(result: ConversionResult) -> None:
    page = to_html(result, "a&b.tflite", Verification(1e-6, 1.0, 1e-4))
    assert "<title>a&amp;b.tflite" in page
    assert "&lt;b&gt;&amp;first" in page and "<b>&first" not in page
    assert "kept as it is: predicted speed-up" in page
    assert page.count("<tr class=") == 2
    assert page.count("data:image/png;base64,") == 1  # of the layer that was converted
    assert not re.search(r"(src|href)=\"(?!data:)|https?://|@import|url\(", page)
    assert "passed" in page and "measured" not in page.partition("<h2>")[2]


def test_measured_layers_have_a_second_bar(result: ConversionResult) -> None:
    report = [dataclasses.replace(result.report[0], measured=2.5), result.report[1]]
    page = to_html(dataclasses.replace(result, report=report), "model")
    assert page.count('class="fill measured"') == 1
    assert "2.50\N{MULTIPLICATION SIGN}" in page


def test_the_picture_shows_the_first_weights(rng: np.random.Generator) -> None:
    weights = sparse_weights(rng, (128, 1, 1, 64))
    (layer,) = convert(one_conv(weights), block_size=1, min_speedup=0).report
    kept = weights.reshape(128, 64).T != 0
    assert layer.picture is not None
    assert layer.picture.shape == (48, 96)
    np.testing.assert_array_equal(layer.picture, kept[:48, :96])
    (small,) = convert(one_conv(weights[:13, :, :, :5]), block_size=4, min_speedup=0).report
    assert small.picture is not None and small.picture.shape == (5, 13)
    assert (small.picture >= (weights[:13, 0, 0, :5].T != 0)).all()


def test_json_holds_the_same(result: ConversionResult) -> None:
    written = json.loads(to_json(result, "model", Verification(1e-6, 2.0, 1e-4)))
    assert written["bytes_after"] == len(result.model)
    assert written["verification"]["output_range"] == 2.0
    assert [layer["name"] for layer in written["layers"]] == ["<b>&first", "second"]
    assert written["layers"][0]["speedup"] == result.report[0].speedup
    again = convert(result.model)
    sparse = json.loads(to_json(again, "model"))["layers"][0]
    assert sparse["attributes"]["kernel_h"] == 1


def test_without_jinja_the_page_says_what_to_install(
    result: ConversionResult, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "jinja2", None)
    with pytest.raises(ImportError, match=r"needs jinja2.*pip install \"jinja2>="):
        to_html(result, "model")
