# SPDX-License-Identifier: Apache-2.0
"""ubp.data: directories of pictures, and the values that a model takes for their pixels."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from ubp.data import PREPROCESSINGS, Input, Preprocessing, read_samples

COLOUR = [Input("x", (6, 8, 3))]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Twelve pictures, a third of which is red, in two folders; and a file that is none."""
    (tmp_path / "red").mkdir()
    for number in range(12):
        pixels = np.random.default_rng(number).integers(0, 256, (20, 20, 3)).astype(np.uint8)
        if number % 3 == 0:
            pixels[:] = 255, 128, number
        name = f"red/{number}.PNG" if number % 3 == 0 else f"{number}.jpeg"
        Image.fromarray(pixels).save(tmp_path / name)
    (tmp_path / "labels.txt").write_text("cat")
    return tmp_path


def values_of(folder: Path, preprocess: Any, inputs: list[Input] = COLOUR, **more: Any) -> Any:
    samples = read_samples(folder, inputs, preprocess=preprocess, **more)
    assert len(samples) == 12
    return np.concatenate([batch for (batch,) in samples])


@pytest.mark.parametrize(
    ("preprocess", "red"),
    [
        ("raw", (255, 128)),
        ("0..1", (1, 128 / 255)),
        ("-1..1", (1, 0.5 / 127.5)),
        ("imagenet-torch", ((1 - 0.485) / 0.229, (128 / 255 - 0.456) / 0.224)),
    ],
)
def test_values_of_pixels(folder: Path, preprocess: str, red: tuple[float, float]) -> None:
    values = values_of(folder, preprocess)
    assert values.shape == (12, 6, 8, 3) and values.dtype == np.float32
    found = np.isclose(values[..., :2], red, atol=1e-5).all((1, 2, 3))
    assert found.sum() == 4
    scale = {"raw": 255, "0..1": 1, "-1..1": 2, "imagenet-torch": 4.3}[preprocess]
    assert 0.9 * scale < np.ptp(values) < 1.1 * scale


def test_caffe_turns_the_channels_round(folder: Path) -> None:
    values = values_of(folder, "imagenet-caffe")
    found = np.isclose(values[..., 1:], (128 - 116.779, 255 - 123.68), atol=1e-3).all((1, 2, 3))
    assert found.sum() == 4


def test_a_preprocessing_of_ones_own(folder: Path) -> None:
    ours = Preprocessing(mean=(10.0, 20.0, 30.0), scale=2.0, order="bgr")
    found = np.isclose(values_of(folder, ours)[..., 1:], (54, 112.5)).all((1, 2, 3))
    assert found.sum() == 4
    assert ours.mean == (10.0, 20.0, 30.0)


def test_pictures_are_stretched_or_cropped(tmp_path: Path) -> None:
    wide = np.zeros((20, 40, 3), np.uint8)
    wide[:, 10:30] = 255  # the middle
    for number in range(8):
        wide[9, 19] = 255 - 20 * number
        Image.fromarray(wide).save(tmp_path / f"{number}.png")
    square = [Input("x", (10, 10, 3))]
    stretched = read_samples(tmp_path, square, preprocess="0..1")
    cropped = read_samples(tmp_path, square, preprocess=Preprocessing(scale=255.0, fit="crop"))
    ((one,), *_), ((other,), *_) = stretched, cropped
    assert 0.4 < one.mean() < 0.6
    assert other.mean() > 0.95


def test_grey_pictures_and_open_sizes(folder: Path) -> None:
    grey = values_of(folder, "0..1", [Input("x", (6, 8, 1))])
    assert grey.shape == (12, 6, 8, 1)
    anything = [Input("x", (None, None, 3))]
    assert values_of(folder, "0..1", anything, size=(5, 9)).shape == (12, 5, 9, 3)
    with pytest.raises(ValueError, match=r"leaves the size of pictures open; give size=\(height"):
        values_of(folder, "0..1", anything)
    with pytest.raises(ValueError, match=r"size is \(5, 9\); the model takes pictures of \(6, 8\)"):
        values_of(folder, "0..1", size=(5, 9))


def test_some_files(folder: Path) -> None:
    paths = sorted(folder.glob("*.jpeg"))
    assert len(read_samples(paths, COLOUR, preprocess="raw")) == 8


def test_a_preprocessing_has_to_be_stated(folder: Path) -> None:
    with pytest.raises(ValueError, match=r"does not say which values .* expected one of 0\.\.1, "):
        values_of(folder, None)
    with pytest.raises(ValueError, match=r"^preprocess is '0-1'; expected one of 0\.\.1, -1\.\.1"):
        values_of(folder, "0-1")
    array = np.random.default_rng(0).normal(size=(20, 6, 8, 3))
    with pytest.raises(ValueError, match=r"^preprocess is 'raw', but data is no pictures"):
        read_samples(array, COLOUR, preprocess="raw")


def test_what_is_no_folder_of_pictures(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match="empty: a directory without pictures"):
        read_samples(tmp_path / "empty", COLOUR, preprocess="raw")
    with pytest.raises(FileNotFoundError, match="nowhere: no such file or directory"):
        read_samples(tmp_path / "nowhere", COLOUR, preprocess="raw")
    with pytest.raises(ValueError, match=r"labels\.txt: expected a directory of pictures, or"):
        read_samples(tmp_path / "labels.txt", COLOUR, preprocess="raw")
    with pytest.raises(ValueError, match=r"^data is pictures, for a model that takes \(samples, 4"):
        read_samples(folder, [Input("x", (4,))], preprocess="raw")
    (folder / "2.jpeg").write_bytes(b"nonsense")
    with pytest.raises(ValueError, match=re.escape(f"{folder / '2.jpeg'}: neither")):
        read_samples(folder, COLOUR, preprocess="raw")


def test_pictures_of_one_colour(tmp_path: Path) -> None:
    for number in range(8):
        Image.new("RGB", (9, 9), (number, 0, 0)).save(tmp_path / f"{number}.png")
    samples = read_samples(tmp_path, COLOUR, preprocess="raw")  # the channels differ
    assert len(samples) == 8
    with pytest.raises(
        ValueError, match=r"^data: input 'x' has one value all over in every sample"
    ):
        read_samples(tmp_path, [Input("x", (6, 8, 1))], preprocess="raw")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"scale": 0}, "^scale is 0; expected a finite number other than 0"),
        ({"scale": (1, 0, 1)}, "^scale is 0; expected a finite number other than 0"),
        ({"mean": (1, 2)}, r"^mean is \(1, 2\); expected a number, or three"),
        ({"mean": float("nan")}, "^mean is nan; expected a finite number"),
        ({"order": "brg"}, "^order is 'brg'; expected one of rgb, bgr"),
        ({"fit": "pad"}, "^fit is 'pad'; expected one of stretch, crop"),
    ],
)
def test_wrong_preprocessings(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Preprocessing(**arguments)


def test_the_names_differ() -> None:
    pixels = np.arange(24, dtype=np.uint8).reshape(2, 4, 3) * 10
    values = [tuple(each.apply(pixels).ravel().tolist()) for each in PREPROCESSINGS.values()]
    assert len(set(values)) == len(PREPROCESSINGS)


def test_without_pillow_it_is_one_sentence(folder: Path) -> None:
    program = (
        "import sys; sys.modules['PIL'] = None\n"
        "from ubp.data import Input, read_samples\n"
        f"try: read_samples({str(folder)!r}, [Input('x', (6, 8, 3))], preprocess='raw')\n"
        "except ImportError as error: print(error)"
    )
    process = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert process.stdout == (
        "reading pictures needs Pillow, which is not installed; install it with 'pip install "
        '"pillow>=10"\', or give .npy files.\n'
    ), process.stderr
