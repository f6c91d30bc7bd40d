# SPDX-License-Identifier: Apache-2.0
"""Scopes: whose sparsity it is that a schedule prescribes, and the masks that follow from it.

    "layer"     every kernel has that sparsity
    "global"    all kernels together have it; how it is shared out follows from their importance
    "latency"   the predicted time that the kept blocks take together is 1 - sparsity of that of all
                blocks; which block is worth its time follows from the importance

Kernels share a budget when their layers have equal schedules, scopes and methods.
"""

from __future__ import annotations

import json
import math
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

import numpy as np

from ubp.arguments import check_choice, check_share, shown
from ubp.costs import DEFAULT_COSTS, CostModel, Costs
from ubp.format import BLOCK_SIZES
from ubp.latency import LatencyModel
from ubp.latency.record import latency_of, to_json
from ubp.masking.importance import Matrix
from ubp.masking.patterns import Mask, Pattern
from ubp.masking.saved_with_model import SavedWithModel
from ubp.selection import (
    NORMALIZATIONS,
    LayerSizes,
    backend,
    density_limits,
    select_blocks_global,
)
from ubp.selection.layer.select import peak_of
from ubp.selection.network.limits import Reals

if TYPE_CHECKING:
    from typing import Self  # Python 3.11


class Kernel(Protocol):
    """What a scope asks of a kernel.

    name: for messages.
    layer_name: of the layer, by which a `LatencyModel` knows it.
    shape: (lanes, channels).
    input_channels: the lanes of one tap.
    positions: outputs per channel and sample, for which the layer uses the kernel; None where the
        size of its input is open.
    strides: of a transposed convolution, which runs as a convolution that computes whole strides;
        of any other layer ().
    window: the taps along each axis.
    """

    @property
    def name(self) -> str: ...
    @property
    def layer_name(self) -> str: ...
    @property
    def shape(self) -> tuple[int, int]: ...
    @property
    def input_channels(self) -> int: ...
    @property
    def positions(self) -> int | None: ...
    @property
    def strides(self) -> tuple[int, ...]: ...
    @property
    def window(self) -> tuple[int, ...]: ...


class Scope(SavedWithModel, ABC):
    """How a sparsity becomes masks. Immutable; compared by value; saved with the model."""

    is_shared: ClassVar[bool] = True  # whether one budget serves several kernels
    is_timed: ClassVar[bool] = False  # whether it needs the positions that kernels are used at

    def check(
        self,
        kernels: Sequence[Kernel],
        patterns: Sequence[Pattern],
        final_sparsity: float | None,
    ) -> None:
        """Refuse, before training, what `masks` could not serve, at any sparsity or the final one.

        Raises:
            ValueError: if there are such (naming one).
        """

    @abstractmethod
    def masks(
        self,
        kernels: Sequence[Kernel],
        importances: Sequence[Matrix],
        patterns: Sequence[Pattern],
        sparsity: float,
        method: str,
    ) -> list[Mask]:
        """The masks of the kernels that keep the most importance; sparsity 0 keeps every weight.

        Args:
            kernels: those that share the budget.
            importances: [lanes, channels] of each.
            patterns: of each.
            sparsity: 0 to 1; one that blocks cannot reach, because N does not divide the channels,
                is raised to the smallest that they can.
            method: see `ubp.select_blocks`.

        Raises:
            ValueError: if importance is not finite, or the budget cannot be met.
        """


@dataclass(frozen=True)
class PerLayer(Scope):
    """Every kernel has the scheduled sparsity."""

    is_shared: ClassVar[bool] = False

    def masks(
        self,
        kernels: Sequence[Kernel],
        importances: Sequence[Matrix],
        patterns: Sequence[Pattern],
        sparsity: float,
        method: str,
    ) -> list[Mask]:
        masks = []
        for kernel, importance, pattern in zip(kernels, importances, patterns, strict=True):
            with _naming(kernel):
                masks.append(pattern.mask(importance, sparsity, method, kernel.input_channels))
        return masks


@contextmanager
def _naming(kernel: Kernel) -> Iterator[None]:
    """Errors within are told as those of this kernel."""
    try:
        yield
    except ValueError as error:
        raise ValueError(f"layer '{kernel.name}': its mask cannot be updated: {error}") from error


@dataclass(frozen=True)
class GlobalBudget(Scope):
    """The scheduled sparsity is that of all kernels together.

        >>> import keras
        >>> import ubp
        >>> layers = [keras.layers.Dense(8, name="a"), keras.layers.Dense(32, name="b")]
        >>> model = keras.Sequential([keras.Input((16,)), *layers])
        >>> scope = ubp.GlobalBudget("lamp", min_density=0.1)
        >>> pruned = ubp.prune(model, ubp.ConstantSparsity(0.75), layers=["a", "b"], scope=scope)
        >>> weights = [layer.get_weights()[0] for layer in ubp.strip(pruned).layers]
        >>> sum(int((kernel == 0).sum()) for kernel in weights), 0.75 * (16 * 8 + 8 * 32)
        (288, 288.0)

    Attributes:
        normalize: how importance is made comparable between kernels, see
            `ubp.select_blocks_global`. "lamp" (arXiv 2010.07611) spares small layers; with "rms"
            networks that were pruned to 95% lost much accuracy (docs/accuracy.md).
        min_density, max_density: limits of the share of its weights that each kernel keeps. A layer
            that keeps nothing would cut the network in two ("layer collapse", Tanaka et al.,
            arXiv 2006.05467): with any min_density above 0 it keeps a block at least.

    Raises:
        ValueError: if there is no such way to normalise, or the limits are not
            0 <= min_density <= max_density <= 1, with max_density above 0.
    """

    normalize: str = "lamp"
    min_density: float = 0.01
    max_density: float = 1.0

    def __post_init__(self) -> None:
        name = type(self).__name__
        check_choice(f"{name}: normalize", self.normalize, NORMALIZATIONS)
        check_share(f"{name}: min_density", self.min_density)
        check_share(f"{name}: max_density", self.max_density)
        if self.min_density > self.max_density or self.max_density == 0.0:
            raise ValueError(
                f"{name}: min_density is {self.min_density} and max_density {self.max_density}; "
                "expected 0 <= min_density <= max_density <= 1, and max_density above 0."
            )

    def check(
        self,
        kernels: Sequence[Kernel],
        patterns: Sequence[Pattern],
        final_sparsity: float | None,
    ) -> None:
        for kernel, pattern in zip(kernels, patterns, strict=True):
            reason = pattern.why_not_shared()
            if reason is not None:
                raise ValueError(f"layer '{kernel.name}': {reason}; use scope='layer'.")
        costs = self.block_costs(kernels, patterns)
        for kernel, pattern in zip(kernels, patterns, strict=True):
            with _naming(kernel):
                sizes = _sizes([kernel], [pattern])
                density_limits(sizes, self._floor(sizes), np.array([self.max_density]))
        if final_sparsity is not None:
            self._budget(_sizes(kernels, patterns), costs, final_sparsity)

    def masks(
        self,
        kernels: Sequence[Kernel],
        importances: Sequence[Matrix],
        patterns: Sequence[Pattern],
        sparsity: float,
        method: str,
    ) -> list[Mask]:
        if sparsity == 0.0:
            return [np.ones(kernel.shape, dtype=np.bool_) for kernel in kernels]
        for kernel, importance in zip(kernels, importances, strict=True):
            with _naming(kernel):
                peak_of(np.ascontiguousarray(importance), backend())  # finite, and >= 0
        sizes = _sizes(kernels, patterns)
        selection = select_blocks_global(
            importances,
            sizes.block_sizes,
            normalize=self.normalize,
            min_density=self._floor(sizes).tolist(),
            max_density=self.max_density,
            method=patterns[0].resolve_method(method),
            block_lanes=[pattern.lanes for pattern in patterns],
            **self._budget(sizes, self.block_costs(kernels, patterns), sparsity),
        )
        rows = zip(patterns, selection.selections, importances, strict=True)
        return [
            pattern.mask_of(chosen, importance, pattern.resolve_method(method))
            for pattern, chosen, importance in rows
        ]

    def block_costs(
        self, kernels: Sequence[Kernel], patterns: Sequence[Pattern]
    ) -> list[float] | None:
        """What a block of each kernel costs; None where all weights cost the same."""
        return None

    def _floor(self, sizes: LayerSizes) -> Reals:
        """Float64 [kernels]: min_density, raised to that of one block."""
        if self.min_density == 0.0:
            return np.zeros(len(sizes.shapes))
        floor: Reals = np.clip(1.0 / sizes.full, self.min_density, self.max_density)
        return floor

    def _budget(
        self, sizes: LayerSizes, costs: list[float] | None, sparsity: float
    ) -> dict[str, Any]:
        """The budget as `select_blocks_global` takes it, at most what the blocks that fit need."""
        ceiling = np.full(len(sizes.shapes), self.max_density)
        at_least, at_most = density_limits(sizes, self._floor(sizes), ceiling)
        counted = costs is None and sizes.are_equal
        if costs is None:
            costs = [1.0 if counted else float(size) for size in sizes.block_weights]
        wanted = (1.0 - sparsity) * float(sizes.full @ np.array(costs))
        wanted = round(wanted) if counted else wanted
        fewest, most = float(at_least @ np.array(costs)), float(at_most @ np.array(costs))
        if wanted < fewest:
            lowest = fewest / float(sizes.full @ np.array(costs))
            raise ValueError(
                f"sparsity {sparsity:.6g} cannot be reached by {len(costs)} kernels together, of "
                f"which each keeps min_density={self.min_density} or a block at least: that is "
                f"sparsity {1.0 - lowest:.4g}. Lower the schedule's sparsity, or min_density."
            )
        if counted:
            return {"num_blocks": int(min(wanted, most))}
        return {"costs": costs, "budget": min(wanted, most)}


@dataclass(frozen=True)
class LatencyBudget(GlobalBudget):
    """The scheduled sparsity is the share of the blocks' predicted time that is removed.

    A block of a convolution costs time at every position of its output. The positions of a layer
    are those of the input it was built for; a layer that the model uses twice counts once.

        >>> import keras
        >>> import ubp
        >>> layers = [keras.layers.Conv2D(8, 3, name="a"), keras.layers.Conv2D(8, 3, 4, name="b")]
        >>> model = keras.Sequential([keras.Input((20, 20, 4)), *layers])
        >>> scope = ubp.LatencyBudget()
        >>> pruned = ubp.prune(model, ubp.ConstantSparsity(0.5), layers=["a", "b"], scope=scope)
        >>> a, b = ((layer.get_weights()[0] == 0).mean() for layer in ubp.strip(pruned).layers)
        >>> bool(a > b)  # a block of b is multiplied at fewer pixels
        True

    Attributes:
        costs: as `ubp calibrate` or `ubp profile` measure them on a device and `ubp.read_costs`
            reads them; None for those that come with the package. Layers that a `ubp.LatencyModel`
            has measured in place, by the names of Keras layers, have their times there.

    Raises:
        TypeError: if the costs are none.
    """

    is_timed: ClassVar[bool] = True

    costs: CostModel | LatencyModel | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if not isinstance(self.costs, CostModel | LatencyModel | None):
            raise TypeError(
                f"LatencyBudget: costs is {shown(self.costs)}; expected a CostModel or a "
                "LatencyModel, as ubp.read_costs gives one, or None."
            )

    def block_costs(self, kernels: Sequence[Kernel], patterns: Sequence[Pattern]) -> list[float]:
        """What a block of each kernel costs, in the unit of the costs.

        Raises:
            ValueError: if a kernel's positions are open, or its block size has no cost.
        """
        costs = self.costs or DEFAULT_COSTS
        return [_block_cost(costs, *pair) for pair in zip(kernels, patterns, strict=True)]

    def get_config(self) -> dict[str, Any]:
        costs: dict[str, Any] | None = None
        if self.costs is not None:
            costs = (
                asdict(self.costs)
                if isinstance(self.costs, CostModel)
                else json.loads(to_json(self.costs))
            )
        return GlobalBudget.get_config(replace(self, costs=None)) | {"costs": costs}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        """The inverse of `get_config`; JSON has made strings of the block sizes."""
        costs = config["costs"]
        if costs is not None and "format" in costs:
            config = config | {"costs": latency_of(costs, "LatencyBudget")}
        elif costs is not None:
            tables = {
                name: {int(n): cost for n, cost in costs[name].items()}
                for name in ("block", "single")
            }
            config = config | {"costs": CostModel(**(costs | tables))}
        return cls(**config)


_BY_NAME: dict[str, type[Scope]] = {
    "layer": PerLayer,
    "global": GlobalBudget,
    "latency": LatencyBudget,
}


def as_scope(scope: Any) -> Scope:
    """The caller's scope as one of the classes here.

    Raises:
        TypeError: if it is neither a string nor a Scope.
        ValueError: if there is none of this name.
    """
    if isinstance(scope, Scope):
        return scope
    expected = f"expected one of {', '.join(_BY_NAME)}, or a GlobalBudget or LatencyBudget"
    if not isinstance(scope, str):
        raise TypeError(f"scope is {shown(scope)}; {expected}.")
    if scope not in _BY_NAME:
        raise ValueError(f"scope is {scope!r}; {expected}.")
    return _BY_NAME[scope]()


def _sizes(kernels: Sequence[Kernel], patterns: Sequence[Pattern]) -> LayerSizes:
    return LayerSizes(
        [kernel.shape for kernel in kernels],
        [pattern.block_size for pattern in patterns],
        [pattern.lanes for pattern in patterns],
    )


def _block_cost(costs: Costs, kernel: Kernel, pattern: Pattern) -> float:
    if kernel.positions is None:
        raise ValueError(
            f"layer '{kernel.name}': its cost is unknown, because the model's input has no fixed "
            "size; build the model with one for scope='latency'."
        )
    if pattern.block_size not in BLOCK_SIZES:
        raise ValueError(
            f"layer '{kernel.name}': blocks of {pattern.block_size} channels have no known cost; "
            f"scope='latency' needs blocks of {', '.join(map(str, BLOCK_SIZES))}."
        )
    strides = kernel.strides or (1,) * len(kernel.window)
    sizes = zip(kernel.window, strides, strict=True)
    pointwise = all(size <= stride for size, stride in sizes)
    positions = kernel.positions / math.prod(strides)
    cost = costs.of_block(pattern.block_size, positions, pointwise, kernel.layer_name)
    return cost * pattern.lanes  # a block of one lane is what costs are known of
