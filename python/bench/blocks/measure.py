"""All contenders of one case, taking turns."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from statistics import median
from time import perf_counter

from bench.blocks.contenders import PROGRAMME, Contender, contenders
from bench.blocks.layers import Case
from bench.blocks.peers import Peers
from bench.blocks.report import Result
from ubp.timing.interleaved import interleave


def measure(case: Case, block_size: int, sparsity: int, rounds: int, peers: Peers) -> list[Result]:
    """Time every contender of a case, and compare what they keep.

    Raises:
        RuntimeError: if two forms of the optimum do not keep the same importance.
    """
    entrants = list(contenders(case, case.importance(), block_size, sparsity, peers))
    kept = [entrant.run() for entrant in entrants]
    _check(case, entrants, kept)
    # By number: a contender may enter on several instruction sets.
    timers = {str(i): partial(_time, entrant) for i, entrant in enumerate(entrants)}
    times = interleave(timers, rounds, 1).block_medians_ms
    reference = times["0"]
    return [
        Result(
            case.name,
            entrant.name,
            entrant.family,
            times[str(i)].tolist(),
            median(times[str(i)] / reference),
            kept[i] / kept[0],
        )
        for i, entrant in enumerate(entrants)
    ]


def _time(entrant: Contender, block: int) -> Sequence[float]:
    times = []
    for _ in range(block):
        begin = perf_counter()
        entrant.run()
        times.append(1e3 * (perf_counter() - begin))
    return times


def _check(case: Case, entrants: Sequence[Contender], kept: Sequence[float]) -> None:
    """The forms of the optimum are equal; the programme's is without the last rounding."""
    for entrant, importance in zip(entrants, kept, strict=True):
        exact = entrant.name == entrants[0].name or entrant.family == "numpy"
        if (exact and importance != kept[0]) or (
            entrant.name == PROGRAMME and abs(importance / kept[0] - 1) > 1e-6
        ):
            raise RuntimeError(
                f"{case.name}: {entrant.name} on {entrant.family} keeps {importance!r}, but "
                f"{entrants[0].name} on {entrants[0].family} {kept[0]!r}."
            )
