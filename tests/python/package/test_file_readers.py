# SPDX-License-Identifier: Apache-2.0
"""Files of others, whatever is in them: what was written, or one sentence that names the file."""

from __future__ import annotations

import io
import json
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from PIL import Image

from ubp.check.samples import read_samples
from ubp.conversion.load.keras_files import load_keras_file
from ubp.costs import DEFAULT_COSTS, CostModel, LayerShape
from ubp.latency import LatencyModel, Line, MeasuredLayer, MeasuredNetwork, Point, Trial, read_costs
from ubp.latency.record import to_json
from ubp.timing import read_profile
from ubp.timing.android.benchmark_model import parse_result
from ubp.timing.profile import parse_profile

WORK = {
    "kind": "convolution",
    "operations": 10,
    "weight_bytes": 40,
    "read_bytes": 8,
    "written_bytes": 8,
    "buffer_read_bytes": 4,
    "buffer_written_bytes": 0,
    "buffer_bytes": 64,
}
STEP = {
    "operators": [{"label": "CONV_2D 'stem'", "node": 0}],
    "conversion": False,
    "multiply_adds": 10,
    "work": [WORK],
    "runs": 3,
    "total_ns": 30,
    "min_ns": 9,
}
PROFILE = {"kernel": "avx2", "plans": [{"threads": 1, "steps": [STEP]}]}
numbers = st.one_of(
    st.integers(), st.floats(), st.booleans(), st.sampled_from([0, -1, 2**63, 10**400, 1e308])
)
values = st.recursive(
    st.one_of(st.none(), numbers, st.text(max_size=5)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=8,
)


def places(value: Any) -> list[tuple[Any, Any]]:
    """Every (container, key) within."""
    found = []
    if isinstance(value, dict | list):
        keys = list(value) if isinstance(value, dict) else range(len(value))
        for key in keys:
            found += [(value, key), *places(value[key])]
    return found


@st.composite
def changed_json(draw: st.DrawFn, original: str) -> bytes:
    """JSON with up to three values replaced or removed, or its bytes damaged."""
    content = json.loads(original)
    for _ in range(draw(st.integers(0, 3))):
        found = places(content)
        if found:
            container, key = found[draw(st.integers(0, len(found) - 1))]
            if draw(st.booleans()):
                container[key] = draw(values)
            else:
                del container[key]
    data = json.dumps(content).encode()
    return draw(damaged(data)) if draw(st.booleans()) else data


@st.composite
def damaged(draw: st.DrawFn, data: bytes) -> bytes:
    at = draw(st.integers(0, max(len(data) - 1, 0)))
    match draw(st.sampled_from(["cut", "flip", "insert", "replace"])):
        case "cut":
            return data[:at]
        case "flip":
            return data[:at] + bytes([data[at] ^ 1 << draw(st.integers(0, 7))]) + data[at + 1 :]
        case "insert":
            return data[:at] + draw(st.binary(max_size=8)) + data[at:]
    return draw(st.binary(max_size=200))


FUZZ = settings(
    max_examples=300,
    phases=[Phase.generate],
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
)


@given(data=changed_json(DEFAULT_COSTS.to_json()))
@FUZZ
def test_costs(data: bytes, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.getbasetemp() / "costs.json"
    path.write_bytes(data)
    try:
        costs = read_costs(path)
    except ValueError as error:
        assert str(error).startswith(f"{path}: ") and str(error).endswith(".")  # noqa: PT017
        return
    assert CostModel(**vars(costs)) == costs
    for n in costs.block:
        for pixels in (1, 49):
            assert 0 < costs.of_block(n, pixels, True) < np.inf


SHAPE = LayerShape.of_convolution(8, 8, (3, 3), 49.0, 49.0)
LATENCY = LatencyModel(
    DEFAULT_COSTS,
    1e-5,
    None,
    (Point(SHAPE, 4, 20, 3.0), Point(SHAPE, None, 0, 9.0, True)),
    MeasuredNetwork(
        "net",
        9.0,
        1.0,
        (MeasuredLayer("a", "b", SHAPE, 5.0, {4: Line(0.5, 0.01)}),),
        (Trial({"a": (4, 20)}, 3.0, True), Trial({"a": None}, 8.0, False)),
    ),
)


@given(data=changed_json(to_json(LATENCY)))
@FUZZ
def test_latency_models(data: bytes, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.getbasetemp() / "latency.json"
    path.write_bytes(data)
    try:
        found = LatencyModel.load(path)
    except ValueError as error:
        assert str(error).startswith(f"{path}: ") and str(error).endswith(".")  # noqa: PT017
        return
    assert 0 < found.of_layer(SHAPE) < np.inf
    assert json.loads(to_json(found))["version"] == 1


@given(data=changed_json(json.dumps(PROFILE)))
@FUZZ
def test_profiles(data: bytes, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.getbasetemp() / "profile.json"
    path.write_bytes(data)
    try:
        steps = read_profile(path)
    except ValueError as error:
        assert str(error).startswith(f"{path}: not a profile")  # noqa: PT017
        return
    for step in steps:
        assert step.gmacs >= 0 and step.min_us >= 0 and step.runs >= 1
        assert all(isinstance(operator, str) for operator in step.operators)
        assert all(work.operations >= 0 and work.buffer_bytes >= 0 for work in step.work)


def test_profiles_of_older_delegates_say_no_work() -> None:
    older = {name: value for name, value in STEP.items() if name != "work"}
    plan = {"threads": 1, "steps": [older, STEP]}
    first, second = parse_profile(json.dumps({"kernel": "avx2", "plans": [plan]}), "older.json")
    assert first.work == () and first.multiply_adds == 10
    assert [work.kind for work in second.work] == ["convolution"]


def npy() -> bytes:
    stream = io.BytesIO()
    np.save(stream, np.arange(12.0, dtype=np.float32).reshape(3, 4))
    return stream.getvalue()


def png() -> bytes:
    stream = io.BytesIO()
    Image.new("RGB", (6, 5), "red").save(stream, "png")
    return stream.getvalue()


@pytest.mark.parametrize(("name", "shape"), [("x.npy", (1, 4)), ("x.png", (1, 5, 6, 3))])
@given(data=st.data())
@FUZZ
def test_inputs(
    name: str,
    shape: tuple[int, ...],
    data: st.DataObject,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    path = tmp_path_factory.getbasetemp() / name
    path.write_bytes(data.draw(damaged(npy() if name == "x.npy" else png())))
    detail = {"name": "x", "shape": np.array(shape), "dtype": np.float32, "index": 0}
    try:
        samples = read_samples([path], [detail])
    except ValueError as error:
        assert str(path) in str(error) or "input 'x'" in str(error)  # noqa: PT017
        return
    assert all(array.shape == shape for (array,) in samples)


@given(data=st.one_of(st.binary(), damaged(b"\x0a\x04\x0d\x00\x00\x80\x3f\x12\x02\x08\x01")))
@FUZZ
def test_results_of_a_device(data: bytes) -> None:
    try:
        result = parse_result(data)
    except ValueError:
        return
    assert 0 < result.min_ms <= result.median_ms


@pytest.mark.parametrize("start", [b"PK\3\4", b"\x89HDF\r\n\x1a\n"])
@given(data=st.binary(max_size=100))
@settings(FUZZ, max_examples=50)
def test_keras_files(start: bytes, data: bytes, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.getbasetemp() / "model.keras"
    path.write_bytes(start + data)
    with pytest.raises(ValueError, match=r"model\.keras: "):
        load_keras_file(path)
