# SPDX-License-Identifier: Apache-2.0
"""The benchmark of single layers: shapes, weights, what is made of measurements. No timing is
asserted."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter
from bench_reports import LAYER, layer_report, layer_result, measured_now
from matplotlib.image import imread

from bench.harness import page
from bench.harness.networks import FULL, NETWORKS
from bench.harness.results import from_json, to_json
from bench.kernels.__main__ import main
from bench.kernels.layers import LayerShape, Pattern, layer_shapes, patterns, write_weights
from bench.kernels.measure import DenseLayer, KernelProgram, LayerTimes, one_layer
from bench.kernels.report import Report, draw
from bench.kernels.summary import Figure, is_deep, summarise, targets
from ubp.format import Conv2DAttributes, unpack

STEM = LayerShape(230, 230, 3, 64, kernel=7, stride=2, first=True)
STRIDED = LayerShape(56, 56, 256, 128, stride=2)
WINDOW = LayerShape(14, 14, 256, 256, kernel=3, same=True)


@pytest.mark.parametrize(
    ("shape", "lanes", "size", "name"),
    [
        (LAYER, 512, (14, 14), "1x1 512>512 @14x14"),
        (STEM, 147, (112, 112), "7x7 /2 3>64 @112x112"),
        (STRIDED, 256, (28, 28), "1x1 /2 256>128 @28x28"),
        (WINDOW, 2304, (14, 14), "3x3 256>256 @14x14"),
        (LayerShape(7, 9, 4, 8, kernel=3), 36, (5, 7), "3x3 4>8 @5x7"),
        (LayerShape(7, 9, 4, 8, kernel=3, stride=2, same=True), 36, (4, 5), "3x3 /2 4>8 @4x5"),
    ],
)
def test_shape(shape: LayerShape, lanes: int, size: tuple[int, int], name: str) -> None:
    assert shape.lanes == lanes
    assert (shape.out_h, shape.out_w) == size
    assert shape.name == name


@pytest.mark.slow
def test_layers_of_the_networks() -> None:
    shapes = layer_shapes([NETWORKS[name] for name in FULL])
    assert len(shapes) == 50
    assert len({shape.name for shape in shapes}) == 50
    assert shapes[LAYER] == ["MobileNet"]
    assert shapes[STEM] == shapes[STRIDED] == shapes[WINDOW] == ["ResNet50"]
    first = LayerShape(224, 224, 3, 32, kernel=3, stride=2, same=True, first=True)
    assert shapes[first] == ["MobileNet", "MobileNetV2"]
    assert sum(shape.first for shape in shapes) == 2


def test_patterns_are_pairs_of_unaligned_and_aligned() -> None:
    assert patterns([1, 4], [80, 90]) == [
        Pattern(1, 80, False),
        Pattern(1, 90, False),
        Pattern(4, 80, False),
        Pattern(4, 80, True),
        Pattern(4, 90, False),
        Pattern(4, 90, True),
    ]


def test_weights_are_equally_many_blocks(tmp_path: Path) -> None:
    shape = LayerShape(9, 9, 16, 30, kernel=3, stride=2, same=True)
    wanted = patterns([1, 4, 8], [75])
    starts = {}
    for pattern, stem in zip(wanted, write_weights(shape, wanted, tmp_path), strict=True):
        options = stem.with_suffix(".options").read_bytes()
        layer = unpack("UbpConv2D", options, stem.with_suffix(".packed").read_bytes(), None)
        attributes = layer.attributes
        assert isinstance(attributes, Conv2DAttributes)
        assert (attributes.kernel_h, attributes.stride_w, attributes.padding) == (3, 2, 0)
        assert attributes.num_blocks == round(0.25 * 144 * 30 / pattern.block_size)
        starts[pattern] = set(layer.starts % pattern.block_size)
    assert starts[Pattern(4, 75, True)] == starts[Pattern(8, 75, True)] == {0}
    assert len(starts[Pattern(8, 75, False)]) == 8


@pytest.mark.parametrize("shape", [LayerShape(9, 8, 3, 5, 3, 2, same=True), LayerShape(6, 6, 4, 8)])
def test_dense_layer_has_the_shape(shape: LayerShape) -> None:
    interpreter = Interpreter(model_content=one_layer(shape))
    interpreter.allocate_tensors()
    (details,) = interpreter.get_output_details()
    assert tuple(details["shape"]) == (1, shape.out_h, shape.out_w, shape.out_c)
    interpreter.invoke()
    times = DenseLayer(shape, threads=2, block_ms=0.1).time(2)
    assert len(times) == 2 and min(times) > 0


def test_results_are_of_the_rounds() -> None:
    unaligned, aligned, single = Pattern(4, 80, False), Pattern(4, 80, True), Pattern(1, 80, False)
    times = LayerTimes(
        layer=LAYER,
        networks=["MobileNet"],
        family="avx2",
        threads=2,
        milliseconds={
            single: np.array([4.0, 4.0, 4.0]),
            unaligned: np.array([1.0, 2.0, 4.0]),
            aligned: np.array([1.0, 1.0, 8.0]),
        },
        multiply_adds={single: 3_000_000, unaligned: 1_000_000, aligned: 1_000_000},
        xnnpack=np.array([3.0, 4.0, 20.0]),
        peak=np.array([2e6, 1e6, 1e6]),
    )
    first, second = times.results()
    assert times.peak_gflops == 2.0
    assert (first.block_size, first.to_aligned, first.aligned_us) == (1, None, None)
    assert first.peak_share == pytest.approx(0.75)
    assert (second.unaligned_us, second.aligned_us, second.xnnpack_us) == (2000, 1000, 4000)
    assert (second.to_aligned, second.speedup) == (1.0, 3.0)
    assert second.peak_share == pytest.approx(0.5)
    assert second.gflops == pytest.approx(1.0)


def test_figure_has_the_geometric_mean_and_the_worst_layer() -> None:
    pairs = [(1.0, "a"), (4.0, "b"), (2.0, "c")]
    values = (1.0, 4.0, 2.0)
    assert Figure.of(pairs, highest=True) == Figure(pytest.approx(2.0), 4.0, "b", values)
    lowest = Figure.of(pairs, highest=False)
    assert lowest == Figure(pytest.approx(2.0), 1.0, "a", values)
    assert lowest.count_from(2.0) == 2
    assert Figure.of([], highest=True) is None


@pytest.mark.parametrize(
    ("layer", "deep"),
    [
        (LayerShape(14, 14, 256, 8), True),
        (LayerShape(14, 14, 255, 8), False),
        (LayerShape(14, 13, 256, 8), False),
        (LayerShape(28, 28, 256, 8, stride=2), True),
        (LayerShape(26, 26, 256, 8, stride=2), False),
        (LayerShape(14, 14, 29, 8, kernel=3, same=True), True),
    ],
)
def test_deep_layers(layer: LayerShape, deep: bool) -> None:
    assert is_deep(layer_result(layer)) == deep


def test_summaries_are_by_setting() -> None:
    shallow = LayerShape(7, 7, 512, 64)
    results = [
        layer_result(family="avx512", to_aligned=1.0, peak_share=0.8, speedup=4.0),
        layer_result(family="avx2", to_aligned=None, block_size=1),
        layer_result(shallow, family="avx512", to_aligned=1.21, peak_share=0.1, speedup=1.0),
    ]
    first, second = summarise(results)
    assert (first.family, second.family) == ("avx512", "avx2")
    assert first.to_aligned == Figure(pytest.approx(1.1), 1.21, shallow.name, (1.0, 1.21))
    assert first.peak_share == Figure(pytest.approx(0.8), 0.8, LAYER.name, (0.8,))  # the deep one
    assert first.speedup == Figure(pytest.approx(2.0), 1.0, shallow.name, (4.0, 1.0))
    assert second.to_aligned is None


@pytest.mark.parametrize(
    ("family", "ratio", "share", "verdicts"),
    [
        ("avx512", 1.03, 0.70, ["met", "met"]),
        ("avx512", 1.031, 0.69, ["missed", "missed"]),
        ("avx2", 1.0, 0.79, ["met", "missed"]),
        ("portable", 1.0, 0.01, ["met"]),
    ],
)
def test_targets(family: str, ratio: float, share: float, verdicts: list[str]) -> None:
    result = layer_result(family=family, to_aligned=ratio, peak_share=share)
    other = layer_result(family=family, sparsity=90, to_aligned=2.0, peak_share=0.1)
    lines = targets(summarise([result, other]))
    assert [line.rpartition(": ")[2] for line in lines] == verdicts
    assert f"unaligned / aligned time {ratio:.3f} geometric mean (<= 1.03)" in lines[0]
    assert f"{ratio:.3f} worst layer (<= 1.10), {LAYER.name}" in lines[0]


def test_worst_layer_decides() -> None:
    results = [layer_result(to_aligned=1.0) for _ in range(9)]
    results.append(layer_result(STRIDED, to_aligned=1.2, peak_share=0.4))
    lines = targets(summarise(results))
    assert lines[0].endswith(f"{STRIDED.name}: missed")
    assert "1.018 geometric mean (<= 1.03), 1.200 worst layer (<= 1.10)" in lines[0]
    assert f"40.0% worst layer (>= 70%), {STRIDED.name}; 9 of 10 layers reach it: " in lines[1]


def test_json_and_back() -> None:
    before = layer_report(layer_result(), layer_result(STEM, to_aligned=None, block_size=1))
    data = json.loads(json.dumps(to_json(before)))
    assert data["results"][0]["name"] == LAYER.name
    assert data["results"][0]["gflops"] == pytest.approx(200.0)
    assert from_json(Report, data) == before
    del data["results"][0]["speedup"]
    with pytest.raises(ValueError, match="another version of this program"):
        from_json(Report, data)


def test_section_lists_one_setting_and_sums_up_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = layer_report(
        layer_result(sparsity=90),
        layer_result(),
        layer_result(threads=2),
        layer_result(family="avx2"),
        layer_result(WINDOW),
    )
    monkeypatch.setattr(page, "DOCS", tmp_path)
    measured_now(monkeypatch, made.machine.delegate)
    (tmp_path / "kernels.json").write_text(json.dumps({"benchmark": "kernels"} | to_json(made)))
    assert main(["--write-docs", "--output", str(tmp_path)]) == 0
    text = (tmp_path / "performance.md").read_text()
    assert "## Single layers\n" in text
    rows = [line for line in text.splitlines() if line.startswith("| 1x1") or "| 3x3" in line]
    assert rows == [
        "| 1x1 512>512 @14x14 | 100.0 | 200 | 75% | 1.020 | 400.0 | 4.00x |",
        "| 3x3 256>256 @14x14 | 100.0 | 200 | 75% | 1.020 | 400.0 | 4.00x |",
    ]
    assert "| avx512 | 2 | 4 | 80% | 1.020 | 1.020 | 75% | 75% | 4.00x | 4.00x |" in text


def test_picture(tmp_path: Path) -> None:
    results = [layer_result(), layer_result(STEM, to_aligned=None), layer_result(family="avx2")]
    draw(tmp_path / "kernels.png", layer_report(*results))
    pixels = np.rint(imread(tmp_path / "kernels.png")[..., :3] * 255).astype(int)
    for colour in ((0, 114, 178), (230, 159, 0)):
        assert (pixels == colour).all(axis=-1).any()


def test_missing_program_says_what_builds_it(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"`\./run bench kernels` builds it"):
        KernelProgram(1, tmp_path / "kernel_benchmark")


def test_program_refuses_what_it_cannot_run(tmp_path: Path) -> None:
    (stem,) = write_weights(LAYER, [Pattern(4, 80, False)], tmp_path)
    with KernelProgram(0.1) as program:
        with pytest.raises(RuntimeError, match="no kernels for 'none'"):
            program.load(LAYER, [stem], "none", 1)
        (timed,) = program.load(LAYER, [stem], "portable", 2)
        assert timed.multiply_adds == round(0.2 * 512 * 512 / 4) * 4 * 14 * 14
        assert len(timed.time(2)) == 2
        assert program.peak().multiply_adds > 0


@pytest.mark.slow
def test_quick_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["--quick", "--threads", "1,2", "--kernel", "portable", "--rounds", "1"]
    assert main([*arguments, "--output", str(tmp_path)]) == 0
    printed = capsys.readouterr().out
    data = json.loads((tmp_path / "kernels.json").read_text())
    assert (tmp_path / "kernels.png").stat().st_size > 0
    settings = {(entry["threads"], entry["block_size"]) for entry in data["results"]}
    assert settings == {(1, 1), (1, 4), (2, 1), (2, 4)}
    layers = {entry["name"] for entry in data["results"]}
    assert len(data["results"]) == 4 * len(layers)
    for name in layers:
        assert name in printed
    assert "portable, 2 threads, N=4, 80%: unaligned / aligned time" in printed


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--kernel", "sse"], "there is no kernel family 'sse'; there are avx512,"),
        (["--block-sizes", "4,3"], "there is no block size '3'; there are 1, 2, 4, 8, 16"),
        (["--sparsity", "0"], "'0' is not a number from 1 to 99"),
    ],
)
def test_wrong_arguments_are_named(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        main(arguments)
    assert message in capsys.readouterr().err
