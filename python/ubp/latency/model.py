# SPDX-License-Identifier: Apache-2.0
"""LatencyModel: what was measured on a device, and how long layers and networks will take on it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from ubp.arguments import existing_file
from ubp.costs import CostModel, LayerShape
from ubp.latency.errors import LatencyErrors, summarise
from ubp.latency.network import MeasuredLayer, MeasuredNetwork, Setting
from ubp.latency.shapes import Point, ShapeTimes
from ubp.output import write_output


@dataclass(frozen=True)
class Device:
    """Where, with what and when was measured.

    name: of the processor, or the GPU.
    machine: such as "x86_64".
    instruction_set: the name of the delegate's kernels; "" where nothing was measured.
    threads: of the interpreter and the delegate.
    delegate: SHA-256 of the delegate's library.
    date: ISO 8601.
    """

    name: str
    machine: str
    instruction_set: str
    threads: int
    delegate: str
    date: str


@dataclass(frozen=True)
class LatencyModel:
    """Predicted times, in microseconds.

    A layer of the network that was measured in place has its own times; any other those of its
    shape, from the points of a grid where there are some, else from the constants of `costs`. Made
    by `ubp profile`; what plans with times takes it: `ubp.map_schemes`, `ubp.LatencyBudget` and
    `ubp.convert` (as `costs`).

        >>> import ubp
        >>> from ubp.costs import DEFAULT_COSTS, LayerShape
        >>> model = ubp.LatencyModel(costs=DEFAULT_COSTS)  # in multiply-adds of a dense kernel
        >>> layer = LayerShape.of_convolution(64, 128, kernel=(1, 1), in_pixels=784, out_pixels=784)
        >>> model.of_layer(layer) / model.of_layer(layer, 4, 400) > 1.5
        True

    Attributes:
        costs: constants, which files of `ubp calibrate` hold.
        multiply_add_us: microseconds of one multiply-add of the dense kernel, the unit of `costs`;
            None where they are not known: times are in that unit then.
        device: None where nothing was measured.
        points: layers alone.
        network: a network in place.
    """

    costs: CostModel
    multiply_add_us: float | None = None
    device: Device | None = None
    points: tuple[Point, ...] = field(default=(), repr=False)
    network: MeasuredNetwork | None = None

    @property
    def is_timed(self) -> bool:
        """Whether times are in microseconds."""
        return self.multiply_add_us is not None

    def of_layer(
        self,
        layer: LayerShape | str,
        block_size: int | None = None,
        num_blocks: int = 0,
    ) -> float:
        """The time of a layer.

        Args:
            layer: its shape; or the name of one of the network that was measured.
            block_size: N; None: dense.
            num_blocks: how many of them.

        Raises:
            ValueError: if there is no such layer, or the block size has no known time.
        """
        if isinstance(layer, LayerShape):
            return self._of_shape(layer, block_size, num_blocks)
        found = None if self.network is None else self.network.layer(layer)
        if found is None:
            where = "no network" if self.network is None else f"{self.network.model} without it"
            raise ValueError(
                f"layer {layer!r} is not in the latency model, which has {where}; give its shape, "
                "or measure the network with 'ubp profile MODEL'."
            )
        return found.us(None if block_size is None else (block_size, num_blocks))

    def of_model(self, settings: Mapping[str, Setting]) -> float:
        """Microseconds of an inference of the network that was measured.

        Args:
            settings: by the layer's name (N, number of blocks), or None where it is dense; layers
                that are not there are dense. Those of a mapping are `mapping.settings`.

        Raises:
            ValueError: if no network was measured, or it has no such layer.
        """
        if self.network is None:
            raise ValueError(
                "the latency model has no network; measure one in place with 'ubp profile MODEL'."
            )
        return self.network.us(settings)

    def dense(self, shape: LayerShape, name: str = "") -> float:
        """The time of a dense layer, as `CostModel` has it."""
        found = self._in_place(shape, name)
        return self._of_shape(shape, None, 0) if found is None else found.us(None)

    def sparse(self, shape: LayerShape, block_size: int, num_blocks: int, name: str = "") -> float:
        """The time of a block-sparse layer, as `CostModel` has it."""
        found = self._in_place(shape, name)
        if found is None or block_size not in found.sparse:
            return self._of_shape(shape, block_size, num_blocks)
        return found.us((block_size, num_blocks))

    def of_block(self, block_size: int, pixels: float, pointwise: bool, name: str = "") -> float:
        """What one more block costs, as `CostModel` has it."""
        found = None if self.network is None else self.network.layer(name)
        if found is not None and block_size in found.sparse:
            return max(found.sparse[block_size].block_us, 1e-9)
        cost = self.costs.of_block(block_size, pixels, pointwise)
        return cost * (self.multiply_add_us or 1.0)

    def errors(self) -> LatencyErrors:
        """How far predictions are from the held-out points."""
        layers = [point for point in self.points if point.held_out]
        of_layers = summarise(
            [self._of_shape(p.shape, p.block_size, p.num_blocks) for p in layers],
            [point.us for point in layers],
        )
        trials = () if self.network is None else self.network.trials
        held_out = [trial for trial in trials if trial.held_out]
        of_network = summarise(
            [self.of_model(trial.settings) for trial in held_out],
            [trial.us for trial in held_out],
        )
        return LatencyErrors(of_layers, of_network)

    def save(self, path: str | os.PathLike[str], overwrite: bool = False) -> None:
        """Write it as JSON.

        Raises:
            FileExistsError: if the file exists and `overwrite` is false.
            OSError: if it cannot be written.
        """
        from ubp.latency.record import to_json

        write_output(path, to_json(self), overwrite)

    @staticmethod
    def load(path: str | os.PathLike[str]) -> LatencyModel:
        """Read a file of `ubp profile`, or one of `ubp calibrate`, which has constants alone.

        Raises:
            FileNotFoundError, IsADirectoryError: if there is no such file.
            ValueError: if it is anything else, saying what is wrong.
        """
        from ubp.latency.record import read_latency

        return read_latency(existing_file("path", path))

    def plot(self, axes: Any = None) -> Any:
        """Draw predicted over measured times of all held-out points.

        Args:
            axes: matplotlib's, to draw into; by default those of a new figure.

        Returns:
            The axes.

        Raises:
            ImportError: if matplotlib is not installed.
            ValueError: if `axes` are none, or nothing was held out.
        """
        from ubp.latency.picture import plot  # matplotlib is optional

        return plot(self, axes)

    @cached_property
    def _shapes(self) -> ShapeTimes:
        return ShapeTimes(self.points)

    def _in_place(self, shape: LayerShape, name: str) -> MeasuredLayer | None:
        """The layer of the network with this name and shape."""
        return self.network.layer(name, shape) if self.network is not None and name else None

    def _of_shape(self, shape: LayerShape, block_size: int | None, num_blocks: int) -> float:
        found = self._shapes.us(shape, block_size, num_blocks) if self.points else None
        if found is not None:
            return found
        unit = self.multiply_add_us or 1.0
        if block_size is None:
            return unit * self.costs.dense(shape)
        return unit * self.costs.sparse(shape, block_size, num_blocks)
