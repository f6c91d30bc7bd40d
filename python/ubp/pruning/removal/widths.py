# SPDX-License-Identifier: Apache-2.0
"""Which channels each group keeps: a share of all, or what a caller says of each group.

Of channels that score alike, the first ones are kept.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from ubp.arguments import check_choice, check_number, check_whole, is_whole, shown
from ubp.pruning.removal.groups import ChannelGroups
from ubp.pruning.removal.scores import Reals

Indices: TypeAlias = npt.NDArray[np.int64]
Kept: TypeAlias = int | Sequence[int] | npt.NDArray[Any] | None

SCOPES = ("group", "global")
_LEAST_SHARE = 0.1  # of its channels that each group keeps, where a share is of all together


@dataclass(frozen=True)
class Request:
    """What is asked for.

    Attributes:
        share: of the channels to remove, or None.
        keep: what groups keep, by name or pattern of the layers that make their channels: how many
            channels, which, or all (None).
        scope: whose share it is: "group", each group's; "global", that of all groups together.
        multiple: of which widths are multiples where a share is rounded, at least 1.

    Raises:
        TypeError: if `keep` is no mapping.
        ValueError: if an attribute is out of its range, or neither `share` nor `keep` is given.
    """

    share: float | None
    keep: Mapping[str, Kept] | None
    scope: str
    multiple: int

    def __post_init__(self) -> None:
        if self.share is None and not self.keep:
            raise ValueError(
                "remove_channels: neither share nor keep is given; expected the share of channels "
                "to remove, or what groups keep, such as {'conv_2': 48}."
            )
        if self.share is not None:
            check_number(
                "remove_channels: share",
                self.share,
                "a number above 0, below 1",
                lambda share: 0.0 < share < 1.0,
            )
        if not isinstance(self.keep, Mapping | None):
            raise TypeError(
                f"remove_channels: keep is {shown(self.keep)}; expected a mapping from names of "
                "groups to numbers of channels, such as {'conv_2': 48}."
            )
        check_choice("remove_channels: scope", self.scope, SCOPES)
        check_whole("remove_channels: multiple", self.multiple, 1)

    def kept(self, groups: ChannelGroups, scores: Sequence[Reals]) -> list[Indices]:
        """The channels that each group keeps, in order.

        Args:
            groups: of the model.
            scores: of the channels of each.

        Raises:
            TypeError: if a value of `keep` is none of those said.
            ValueError: if `keep` names what cannot be done, or nothing can shrink.
        """
        named = self._named(groups)
        kept = [np.arange(group.width) for group in groups]
        for number, (where, value) in named.items():
            kept[number] = _asked(groups.groups[number].width, scores[number], value, where)
        if self.share is not None:
            free = [
                number
                for number, group in enumerate(groups)
                if group.can_shrink and number not in named
            ]
            if not free and not named:
                raise ValueError(_nothing_shrinks(groups))
            for number, width in zip(free, self._widths([scores[n] for n in free]), strict=True):
                kept[number] = _best(scores[number], width)
        for each in kept:
            each.setflags(write=False)
        return kept

    def _named(self, groups: ChannelGroups) -> dict[int, tuple[str, Kept]]:
        """By the group's number the first entry of `keep` that matches it, and its value."""
        found: dict[int, tuple[str, Kept]] = {}
        for name, value in (self.keep or {}).items():
            where = f"remove_channels: keep[{name!r}]"
            matching = groups.matching(name) if isinstance(name, str) else []
            if not matching:
                raise ValueError(
                    f"{where} names no layer that makes channels; these are "
                    f"{', '.join(layer for group in groups for layer in group.producers)}."
                )
            for number in matching:
                group = groups.groups[number]
                is_exact = name in group.producers
                if value is not None and not group.can_shrink:
                    if is_exact:
                        reasons = "; ".join(group.obstacles) or "there is one channel"
                        raise ValueError(
                            f"{where}: these channels cannot be fewer: {reasons}. Take it out of "
                            "keep."
                        )
                    continue
                found.setdefault(number, (where, value))
        return found

    def _widths(self, scores: Sequence[Reals]) -> list[int]:
        """How many channels groups keep that share the share."""
        assert self.share is not None
        if self.scope == "group":
            exact = [(1.0 - self.share) * len(each) for each in scores]
        else:
            exact = [float(count) for count in _counts_of_best(scores, self.share)]
        return [
            min(max(round(width / self.multiple), 1) * self.multiple, len(each))
            for width, each in zip(exact, scores, strict=True)
        ]


def _counts_of_best(scores: Sequence[Reals], share: float) -> list[int]:
    """How many channels of each group are among the best of all, of which `share` goes.

    Scores are compared after division by their group's root mean square.
    """
    if not scores:
        return []
    least = [max(1, round(_LEAST_SHARE * len(each))) for each in scores]
    values, owners = [], []
    for number, each in enumerate(scores):
        in_order = np.sort(each)[::-1][least[number] :]
        values.append(in_order / np.sqrt(np.mean(np.square(each)) or 1.0))
        owners.append(np.full(len(in_order), number))
    wanted = round((1.0 - share) * sum(map(len, scores))) - sum(least)
    best = np.argsort(-np.concatenate(values), kind="stable")[: max(wanted, 0)]
    counts = np.bincount(np.concatenate(owners)[best], minlength=len(scores))
    return [int(count) + floor for count, floor in zip(counts, least, strict=True)]


def _best(scores: Reals, width: int) -> Indices:
    order = np.argsort(-scores, kind="stable")[:width]
    return np.sort(order).astype(np.int64)


def _asked(width: int, scores: Reals, value: Kept, where: str) -> Indices:
    """The channels that a value of `keep` means."""
    if value is None:
        return np.arange(width)
    if is_whole(value):
        if not 1 <= value <= width:  # type: ignore[operator]
            raise ValueError(f"{where} is {value}; expected 1 to {width}, the channels there are.")
        return _best(scores, int(value))  # type: ignore[arg-type]
    if isinstance(value, str | bytes | float) or not isinstance(value, Sequence | np.ndarray):
        raise TypeError(
            f"{where} is {shown(value)}; expected how many channels to keep, a list of these, or "
            "None."
        )
    kept = np.asarray(value)
    if kept.ndim != 1 or kept.dtype.kind not in "iu" or not kept.size:
        raise ValueError(f"{where} is {shown(value)}; expected the numbers of channels to keep.")
    unique = np.unique(kept).astype(np.int64)
    if len(unique) != len(kept) or unique[0] < 0 or unique[-1] >= width:
        raise ValueError(
            f"{where} is {shown(value)}; expected different numbers from 0 to {width - 1}."
        )
    return unique


def _nothing_shrinks(groups: ChannelGroups) -> str:
    reasons = [
        f"'{group.name}' ({'; '.join(group.obstacles) or 'one channel'})" for group in groups
    ]
    listed = ", ".join(reasons[:3]) + (", ..." if len(reasons) > 3 else "")
    return (
        "remove_channels: no group of channels of this model can shrink: "
        f"{listed or 'it has no layer that makes channels'}."
    )
