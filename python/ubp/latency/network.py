# SPDX-License-Identifier: Apache-2.0
"""A network measured in place: every layer among the others, as the delegate runs it.

    time of the network = fixed + sum over layers of its time
    time of a layer     = dense, or fixed_us + block_us * blocks, a line for each N

`fixed` is all that does not change with what becomes of the layers: depthwise and elementwise
operators, what XNNPACK keeps, the interpreter.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ubp.costs import LayerShape

# Of a layer: N and the number of blocks; None: dense.
Setting = tuple[int, int] | None


@dataclass(frozen=True)
class Line:
    """Microseconds of a layer over the number of its blocks."""

    fixed_us: float
    block_us: float

    def us(self, num_blocks: float) -> float:
        """Of so many blocks."""
        return self.fixed_us + self.block_us * num_blocks


@dataclass(frozen=True)
class MeasuredLayer:
    """A layer of a network.

    name: of the Keras layer; of the weights tensor where the network came as a .tflite file.
    tensor: the name of its weights tensor in the .tflite file.
    shape: what its time depends on.
    dense_us: microseconds of the dense layer.
    sparse: a line for each N that was measured.
    """

    name: str
    tensor: str
    shape: LayerShape
    dense_us: float
    sparse: Mapping[int, Line]

    def us(self, setting: Setting) -> float:
        """Microseconds of the layer.

        Raises:
            ValueError: if the block size was not measured.
        """
        if setting is None:
            return self.dense_us
        block_size, num_blocks = setting
        if block_size not in self.sparse:
            sizes = ", ".join(map(str, self.sparse))
            raise ValueError(
                f"layer '{self.name}' was measured with blocks of {sizes}, not of {block_size}; "
                f"measure it with 'ubp profile --block-sizes'."
            )
        return self.sparse[block_size].us(num_blocks)


@dataclass(frozen=True)
class Trial:
    """The whole network, measured once with something of every layer.

    settings: by the layer's name; layers that are not there are dense.
    us: of an inference, the least.
    held_out: nothing was fitted to it.
    """

    settings: Mapping[str, Setting]
    us: float
    held_out: bool


@dataclass(frozen=True)
class MeasuredNetwork:
    """All layers of a network that may become sparse, and the rest of it.

    model: what it is called.
    dense_us: of an inference of the dense network in the standard interpreter, without the
        delegate.
    fixed_us: of all but the layers, where the delegate runs some.
    layers: in the order of the network.
    trials: what it was made of, and what its errors are found with.
    """

    model: str
    dense_us: float
    fixed_us: float
    layers: tuple[MeasuredLayer, ...]
    trials: tuple[Trial, ...] = field(default=(), repr=False)

    def us(self, settings: Mapping[str, Setting]) -> float:
        """Microseconds of an inference.

        Args:
            settings: by the layer's name; layers that are not there are dense.

        Raises:
            ValueError: if there is no such layer, or its block size was not measured.
        """
        names = {layer.name for layer in self.layers}
        for name in settings:
            if name not in names:
                raise ValueError(
                    f"the latency model of {self.model} has no layer '{name}'; it has "
                    f"{', '.join(sorted(names))}."
                )
        if all(setting is None for setting in settings.values()):
            return self.dense_us
        return self.fixed_us + sum(layer.us(settings.get(layer.name)) for layer in self.layers)

    def layer(self, name: str, shape: LayerShape | None = None) -> MeasuredLayer | None:
        """The layer of that name, or with that weights tensor; None if there is none.

        Args:
            name: of either.
            shape: that it has to have; None: any.
        """
        for layer in self.layers:
            if name in (layer.name, layer.tensor) and shape in (None, layer.shape):
                return layer
        return None
