# SPDX-License-Identifier: Apache-2.0
"""SchemeMapping: which scheme each layer gets, and what it costs and keeps."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from ubp.latency.network import Setting
from ubp.output import write_output

_NEAR = 0.11  # other budgets within this share of the own are printed


@dataclass(frozen=True)
class LayerScheme:
    """One layer's scheme.

    name: of the Keras layer.
    lanes, channels: of its matrix of weights.
    block_size: N; None: it stays dense.
    num_blocks: how many it keeps.
    us: its time; dense_us: that of the dense layer. Both in the unit of the mapping.
    kept: share of its importance.
    runner_up: a sentence: what this is, and what else would take as long.
    tensor: the name of its weights tensor in the .tflite file; "" where it is not known.
    """

    name: str
    lanes: int
    channels: int
    block_size: int | None
    num_blocks: int
    us: float
    dense_us: float
    kept: float
    runner_up: str = ""
    tensor: str = ""

    @property
    def density(self) -> float:
        """Share of the weights that are kept."""
        if self.block_size is None:
            return 1.0
        return self.num_blocks * self.block_size / (self.lanes * self.channels)

    @property
    def setting(self) -> Setting:
        """As `ubp.LatencyModel.of_model` takes it."""
        return None if self.block_size is None else (self.block_size, self.num_blocks)

    @property
    def scheme(self) -> str:
        """In words: "dense", or "N=4"."""
        return "dense" if self.block_size is None else f"N={self.block_size}"


@dataclass(frozen=True)
class Alternative:
    """What another budget would buy.

    budget_us: that budget.
    us: what the mapping would take.
    kept: what it would keep, as `SchemeMapping.kept`.
    """

    budget_us: float
    us: float
    kept: float


@dataclass(frozen=True)
class SchemeMapping:
    """A scheme for each layer of a model, as `ubp.map_schemes` finds it.

    `print` shows it as a table, `save` and `load` keep it as JSON that may be edited, and
    `ubp.prune(model, schedule, layers=mapping.layers)` prunes by it.

        >>> import keras
        >>> import ubp
        >>> layers = [keras.layers.Conv2D(64, 3, name=name) for name in ("stem", "a", "b", "c")]
        >>> model = keras.Sequential([keras.Input((24, 24, 3)), *layers])
        >>> mapping = ubp.map_schemes(model, speedup=3)
        >>> sorted(mapping.layers), 0 < mapping.kept < 1, mapping.speedup >= 3
        (['a', 'b'], True, True)

    Attributes:
        model: what it is called.
        method: how it was found.
        schemes: of the layers that could get one, in the order of the model.
        budget_us: the time that was asked for.
        us: the predicted time, never above it.
        measured_us: the time that was measured, never above it either; None if it was not.
        dense_us: that of the dense model.
        fixed_us: of what is no layer here.
        gap: by which share the product of what layers keep may be below the best of all mappings
            in this time, with the layers' options as they are; see knapsack.py.
        is_timed: times are in microseconds; otherwise in multiply-adds of a dense kernel.
        alternatives: what less and more time would buy.
        left: why other layers stay dense, by name.
        score: what a search found this to lose; None without a search.
        trials: of that search.
    """

    model: str
    method: str
    schemes: tuple[LayerScheme, ...]
    budget_us: float
    us: float
    dense_us: float
    fixed_us: float
    gap: float
    is_timed: bool = True
    alternatives: tuple[Alternative, ...] = ()
    left: dict[str, str] = field(default_factory=dict)
    score: float | None = None
    trials: int = 0
    measured_us: float | None = None

    @property
    def layers(self) -> dict[str, Any]:
        """As the argument `layers` of `ubp.prune`: the pattern and sparsity of each layer."""
        from ubp.masking.patterns import UnalignedBlock

        return {
            each.name: None
            if each.block_size is None
            else {"pattern": UnalignedBlock(each.block_size), "sparsity": 1.0 - each.density}
            for each in self.schemes
        }

    @property
    def settings(self) -> dict[str, Setting]:
        """As `ubp.LatencyModel.of_model` takes it."""
        return {each.name: each.setting for each in self.schemes}

    @property
    def block_sizes(self) -> dict[str, int | None]:
        """As the argument `block_size` of `ubp.convert`; of a model measured in place."""
        return {each.tensor: each.block_size for each in self.schemes if each.tensor}

    @property
    def kept(self) -> float:
        """Geometric mean of the shares of importance that layers keep."""
        return kept_of([each.kept for each in self.schemes])

    @property
    def speedup(self) -> float:
        """Predicted time of the dense model over that of this."""
        return self.dense_us / self.us

    def save(self, path: str | os.PathLike[str], overwrite: bool = False) -> None:
        """Write it as JSON.

        Raises:
            FileExistsError: if the file exists and `overwrite` is false.
            OSError: if it cannot be written.
        """
        from ubp.mapping.recipe import to_json

        write_output(path, to_json(self), overwrite)

    @staticmethod
    def load(path: str | os.PathLike[str]) -> SchemeMapping:
        """Read a file that `save` wrote, edited or not.

        Of a layer "scheme", "block_size" and "density" say what becomes of it; what is written of
        its time and importance stays as it was found.

        Raises:
            FileNotFoundError, IsADirectoryError: if there is no such file.
            ValueError: if it is anything else, saying what is wrong.
        """
        from ubp.mapping.recipe import read_mapping

        return read_mapping(path)

    def plot(self, axes: Any = None) -> Any:
        """Draw the time of every layer before and after, stacked.

        Args:
            axes: matplotlib's, to draw into; by default those of a new figure.

        Returns:
            The axes.

        Raises:
            ImportError: if matplotlib is not installed.
            ValueError: if `axes` are none.
        """
        from ubp.mapping.picture import plot  # matplotlib is optional

        return plot(self, axes)

    def __str__(self) -> str:
        """A table, a line for each layer, and what follows from all."""
        return "\n".join([*_table(self), *_summary(self)])


def kept_of(shares: Sequence[float]) -> float:
    """Their geometric mean; 0 where one is 0."""
    if not shares or min(shares) <= 0.0:
        return 0.0
    return math.exp(sum(math.log(share) for share in shares) / len(shares))


def time_text(us: float, is_timed: bool) -> str:
    """A time with its unit."""
    if not is_timed:
        return f"{us / 1e6:.3g} M multiply-adds"
    return f"{us / 1e3:.3f} ms" if us >= 1e4 else f"{us:.3g} us" if us < 100 else f"{us:.0f} us"


def _table(mapping: SchemeMapping) -> list[str]:
    rows = [("layer", "scheme", "zeros", "time", "dense", "kept", "")]
    for each in mapping.schemes:
        rows.append(
            (
                each.name,
                each.scheme,
                f"{1.0 - each.density:.1%}",
                time_text(each.us, mapping.is_timed),
                time_text(each.dense_us, mapping.is_timed),
                f"{each.kept:.1%}",
                each.runner_up,
            )
        )
    widths = [max(len(row[column]) for row in rows) for column in range(6)]
    return [
        "  ".join(
            [
                row[0].ljust(widths[0]),
                *(row[column].rjust(widths[column]) for column in range(1, 6)),
                row[6],
            ]
        ).rstrip()
        for row in rows
    ]


def _summary(mapping: SchemeMapping) -> list[str]:
    def shown(us: float) -> str:
        return time_text(us, mapping.is_timed)

    measured = mapping.measured_us
    also = "" if measured is None else f", measured {shown(measured)},"
    lines = [
        f"predicted {shown(mapping.us)}{also} of {shown(mapping.budget_us)}, "
        f"{mapping.speedup:.2f}x as fast as the dense model ({shown(mapping.dense_us)}); "
        f"{shown(mapping.fixed_us)} are fixed",
        f"layers keep {mapping.kept:.1%} of their importance (geometric mean); their product is "
        f"within {mapping.gap:.3%} of the most that this time allows",
    ]
    for other in mapping.alternatives:
        if abs(other.budget_us / mapping.budget_us - 1.0) > _NEAR:
            continue
        lines.append(f"{shown(other.budget_us)} would keep {other.kept:.1%}")
    if mapping.score is not None:
        lines.append(f"score {mapping.score:.4g}, the least of {mapping.trials} trials")
    lines += [f"{name} stays dense: {reason}" for name, reason in mapping.left.items()]
    return lines
