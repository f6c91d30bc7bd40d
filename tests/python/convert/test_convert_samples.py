"""ubp.convert.samples: inputs for a verification, from arrays, .npy files and pictures."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from ubp.convert.samples import read_arrays, split


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
    (array,) = read_arrays([path], [detail((1, 4))])
    assert array.shape == (2, 4)
    with pytest.raises(ValueError, match="2 input files for a model with 1 inputs"):
        read_arrays([path, path], [detail((1, 4))])
    with pytest.raises(FileNotFoundError, match="no such file"):
        read_arrays([tmp_path / "none.npy"], [detail((1, 4))])
    path.write_bytes(b"nonsense")
    with pytest.raises(ValueError, match="not a NumPy file"):
        read_arrays([path], [detail((1, 4))])


@pytest.mark.parametrize("channels", [1, 3])
def test_pictures_are_resized_and_scaled(tmp_path: Path, channels: int) -> None:
    paths = [tmp_path / "white.png", tmp_path / "black.bmp"]
    Image.new("RGB", (10, 20), "white").save(paths[0])
    Image.new("L", (7, 5), 0).save(paths[1])
    (array,) = read_arrays(paths, [detail((1, 8, 6, channels))])
    assert array.shape == (2, 8, 6, channels) and array.dtype == np.float32
    assert (array[0] == 1.0).all() and (array[1] == 0.0).all()
    (integers,) = read_arrays(paths, [detail((1, 8, 6, channels), np.uint8)])
    assert (integers[0] == 255).all()


def test_no_pictures_for_other_models(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    Image.new("RGB", (4, 4)).save(path)
    for details in ([detail((1, 4))], [detail((1, 4, 4, 8))], [detail((1, 4, 4, 3))] * 2):
        with pytest.raises(ValueError, match="pictures are given for a model that does not have"):
            read_arrays([path], details)
    path.write_bytes(b"nonsense")
    with pytest.raises(ValueError, match="neither a NumPy file"):
        read_arrays([path], [detail((1, 4, 4, 3))])
