# SPDX-License-Identifier: Apache-2.0
"""The task: its shapes are what they should be, its pictures are right and repeatable."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from experiment.strokes import dataset, scene, shapes
from experiment.strokes.render import render
from experiment.strokes.scene import SIZE, Scene, draw_scene


def shifts(shape: shapes.Shape) -> set[shapes.Shape]:
    """All shifts of a shape by whole nodes, within the plane."""
    points = [[divmod(node, 3) for node in edge] for edge in shape]
    return {
        tuple(sorted(tuple((y + dy, x + dx) for y, x in edge) for edge in points))  # type: ignore[misc]
        for dy in range(-2, 3)
        for dx in range(-2, 3)
    }


def test_there_are_32_shapes_none_a_shift_of_another() -> None:
    classes = shapes.classes()
    assert len(classes) == shapes.CLASSES == len(set(classes))
    for index, shape in enumerate(classes):
        own = shifts(shape)
        assert all(not own & shifts(other) for other in classes[:index])


def test_shapes_are_connected_sets_of_four_edges_between_neighbours() -> None:
    for shape in shapes.all_shapes():
        assert len(set(shape)) == shapes.EDGES
        for first, second in shape:
            (y0, x0), (y1, x1) = divmod(first, 3), divmod(second, 3)
            assert abs(y0 - y1) + abs(x0 - x1) == 1
        reached = {shape[0][0]}
        for _ in shape:
            reached |= {node for edge in shape if reached & set(edge) for node in edge}
        assert reached == {node for edge in shape for node in edge}


def test_segments_are_unit_edges_around_the_origin() -> None:
    segments = shapes.class_segments()
    assert segments.shape == (shapes.CLASSES, shapes.EDGES, 2, 2)
    np.testing.assert_allclose(np.linalg.norm(segments[:, :, 1] - segments[:, :, 0], axis=-1), 1)
    corners = segments.reshape(shapes.CLASSES, -1, 2)
    np.testing.assert_allclose(corners.min(axis=1) + corners.max(axis=1), 0)


def test_edges_of_a_shape_stay_joined_when_nodes_move() -> None:
    labels = np.arange(shapes.CLASSES)
    drawn = draw_scene(labels, np.random.default_rng(0)).segments[:, : shapes.EDGES]
    for before, after in zip(shapes.class_segments(), drawn, strict=True):
        ends, moved = before.reshape(-1, 2), after.reshape(-1, 2)
        for first in range(len(ends)):
            for second in range(first):
                same = bool(np.all(ends[first] == ends[second]))
                assert same == np.allclose(moved[first], moved[second])


@pytest.mark.parametrize("contrast", [0.5, -1.0])
def test_pixels_follow_from_the_distance_to_the_strokes(contrast: float) -> None:
    strokes = np.array([[[[3, 4], [18, 9]], [[18, 9], [10, 20]], [[np.nan] * 2] * 2]], np.float32)
    gradient = np.array([[0.01, -0.02]], np.float32)
    noise = np.random.default_rng(1).normal(size=(1, SIZE, SIZE)).astype(np.float32)
    one = np.ones(1, np.float32)
    picture = render(Scene(strokes, one, contrast * one, gradient, noise))[0]
    for y, x in np.ndindex(SIZE, SIZE):
        samples = strokes[0, :2, :1] + np.linspace(0, 1, 2000)[None, :, None] * (
            strokes[0, :2, 1:] - strokes[0, :2, :1]
        )
        distance = np.min(np.hypot(samples[..., 0] - x, samples[..., 1] - y))
        ink = min(max(1.5 - distance, 0), 1)
        background = 0.01 * (x - 11.5) - 0.02 * (y - 11.5)
        assert picture[y, x] == pytest.approx(
            background + contrast * ink + noise[0, y, x], abs=1e-3
        )


def test_clutter_is_between_none_and_all() -> None:
    drawn = draw_scene(np.zeros(200, int), np.random.default_rng(0)).segments[:, shapes.EDGES :]
    counts = np.sum(~np.isnan(drawn[:, :, 0, 0]), axis=1)
    assert set(counts) == set(range(scene.CLUTTER + 1))


def test_pictures_are_the_same_each_time_and_read_from_the_file(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "pictures.npz"
    first = dataset.load_or_make(path, train=70, test=30)
    again = dataset.make(train=10, test=30)
    np.testing.assert_array_equal(first.test.pixels, again.test.pixels)
    assert first.train.pixels.shape == (70, SIZE, SIZE, 1) and len(first.test) == 30
    assert first.train.pixels.dtype == np.float32 and first.train.labels.dtype == np.int32
    assert not np.array_equal(first.train.pixels[:30], first.test.pixels)
    loaded = dataset.load_or_make(path, train=70, test=30)
    np.testing.assert_array_equal(loaded.train.pixels, first.train.pixels)
    assert list(tmp_path.rglob("*.unfinished")) == []
