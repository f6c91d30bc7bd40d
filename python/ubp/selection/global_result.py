"""What a selection over several layers is: their selections, and a certificate of the whole."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import overload

from ubp.selection.result import Selection


@dataclass(frozen=True, eq=False)
class GlobalSelection(Sequence[Selection]):
    """The kept blocks of several layers: a sequence of `Selection`, in the order of the layers.

    Attributes:
        selections: one of each layer.
        score: the normalised importance that is kept: the sum over layers of factor * importance
            (see normalisation.py), for "lamp" of log(kept importance / all importance of the
            layer), over the layers that may and can keep any.
        upper_bound: no selection of (unaligned) blocks within the same limits has a larger score.
        cost: what the kept blocks cost together, in the unit of the budget.
    """

    selections: tuple[Selection, ...]
    score: float
    upper_bound: float
    cost: float

    @overload
    def __getitem__(self, index: int) -> Selection: ...

    @overload
    def __getitem__(self, index: slice) -> tuple[Selection, ...]: ...

    def __getitem__(self, index: int | slice) -> Selection | tuple[Selection, ...]:
        """A layer's selection."""
        return self.selections[index]

    def __len__(self) -> int:
        """Number of layers."""
        return len(self.selections)

    def __iter__(self) -> Iterator[Selection]:
        """The layers' selections."""
        return iter(self.selections)

    @property
    def num_blocks(self) -> int:
        """Number of blocks of all layers."""
        return sum(len(selection) for selection in self.selections)
