# SPDX-License-Identifier: Apache-2.0
"""The speeds of a core, and the times of a network's steps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.harness.program import PROGRAM, BenchmarkProgram
from bench.limits.model import Level, Rates
from ubp.timing import DelegateProfile, delegate_profile

_CACHES = Path("/sys/devices/system/cpu/cpu0/cache")
_MEMORY = "memory"
_LOOP_MS = 2.0  # what each loop of a round takes at least
_LARGEST_CACHES = 4  # as much memory is read, so that next to nothing of it is in a cache


@dataclass(frozen=True)
class Cache:
    """A cache of a core, which it may share.

    name: such as "L2".
    size: bytes.
    """

    name: str
    size: int


def read_caches(folder: Path = _CACHES) -> list[Cache]:
    """The caches for data of the first core, the nearest first.

    Raises:
        ValueError: if the system does not say which there are.
    """
    caches = {}
    for index in folder.glob("index*"):
        if (index / "type").read_text().strip() != "Instruction":
            level = int((index / "level").read_text())
            caches[level] = _bytes_of((index / "size").read_text().strip())
    if not caches:
        raise ValueError(
            f"{folder}: the system does not say how large the caches are, and without that there "
            "are no limits; run this on another machine."
        )
    return [Cache(f"L{level}", size) for level, size in sorted(caches.items())]


def _bytes_of(size: str) -> int:
    units = {"K": 1 << 10, "M": 1 << 20}
    return int(size[:-1]) * units[size[-1]] if size[-1] in units else int(size)


def loop_sizes(caches: Sequence[Cache]) -> list[int]:
    """Bytes that loops move to measure each cache, and then the memory behind them.

    They fill half of a cache, of the last one, which cores share, a quarter: but twice the cache
    before at least.
    """
    sizes = [cache.size // 2 for cache in caches]
    if len(caches) > 1:
        sizes[-1] = max(caches[-1].size // 4, 2 * caches[-2].size)
    return [*sizes, _LARGEST_CACHES * caches[-1].size]


class LoopProgram(BenchmarkProgram):
    """The loops of delegate/bench, with the vectors of some kernels.

    Args:
        kernel: of the delegate, such as "avx2".
        program: the executable.

    Raises:
        FileNotFoundError: if it is missing.
    """

    def __init__(self, kernel: str, program: Path = PROGRAM) -> None:
        super().__init__("limits", program)
        self._kernel = kernel

    def rates(self, caches: Sequence[Cache]) -> Rates:
        """What the core does now.

        Raises:
            RuntimeError: if there are no loops for the kernels, in the program's own words.
        """
        names = [cache.name for cache in caches]
        capacities = [cache.size for cache in caches]
        levels = [
            Level(name, capacity, *(self._stream(what, size) for what in ("load", "store", "copy")))
            for name, capacity, size in zip(
                [*names, _MEMORY], [*capacities, None], loop_sizes(caches), strict=True
            )
        ]
        answer = self.ask(f"fma {self._kernel} {_LOOP_MS}")
        return Rates(answer["multiply_adds"] / answer["ns"], levels)

    def _stream(self, what: str, size: int) -> float:
        answer = self.ask(f"stream {self._kernel} {what} {size} {_LOOP_MS}")
        return float(answer["bytes"] / answer["ns"])


def best_rates(rates: Sequence[Rates]) -> Rates:
    """The highest of several rounds: what disturbs a loop makes it slower, never faster."""
    levels = [
        Level(
            several[0].name,
            several[0].size,
            *(max(getattr(level, what) for level in several) for what in ("load", "store", "copy")),
        )
        for several in zip(*(each.levels for each in rates), strict=True)
    ]
    return Rates(max(each.gmacs for each in rates), levels)


def profile_steps(model: bytes, inferences: int) -> DelegateProfile:
    """The steps of a model on one thread, some inferences in a row.

    Raises:
        RuntimeError: if a step does not say what it has to do, as those of int8 layers.
    """
    found = delegate_profile(model, inferences, num_threads=1, progress=False)
    for step in found.steps:
        if not step.work:
            raise RuntimeError(f"there is no limit for the step of {', '.join(step.operators)}.")
    return found
