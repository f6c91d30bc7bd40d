# SPDX-License-Identifier: Apache-2.0
"""A network timed with the blocks that a mapping gives its layers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ubp.arguments import check_counts, check_whole
from ubp.latency.network import Setting
from ubp.runtime.inputs import check_sizes
from ubp.timing.mixtures import converted, find_subject
from ubp.timing.place import Place, ThisMachine
from ubp.timing.runs import least_us


class NetworkTimer:
    """Times a network with other blocks in its layers: settings -> microseconds of an inference.

    What `map_schemes` measures its mappings with. The weights decide where blocks lie; the time is
    the least steady one, as `measure_network` takes it.

        >>> import keras
        >>> from ubp.timing import NetworkTimer
        >>> layers = [keras.layers.Conv2D(8, 1, name=name) for name in ("a", "b", "c")]
        >>> timer = NetworkTimer(keras.Sequential([keras.Input((8, 8, 8)), *layers]), rounds=1)
        >>> timer({"b": (4, 4)}) > 0
        True

    Args:
        model, num_threads, rounds, seed, shapes, place, delegate_options: as of `measure_network`.

    Raises:
        FileNotFoundError, ImportError, RuntimeError, ValueError: as of `measure_network`.
    """

    def __init__(
        self,
        model: Any,
        *,
        num_threads: int = 1,
        rounds: int = 15,
        seed: int = 0,
        shapes: Sequence[Sequence[int]] | None = None,
        place: Place | None = None,
        **delegate_options: Any,
    ) -> None:
        check_counts(num_threads=num_threads, rounds=rounds)
        check_whole("seed", seed, 0)
        self._subject = find_subject(model, None if shapes is None else check_sizes(shapes))
        self._rounds, self._seed = rounds, seed
        self._place = place or ThisMachine()
        self._num_threads, self._options = num_threads, delegate_options

    def __call__(self, settings: Mapping[str, Setting]) -> float:
        """Microseconds of an inference.

        Args:
            settings: (N, number of blocks) by the layer's name, or None; layers that are not there
                are dense.

        Raises:
            ValueError: if there is no such layer, or the blocks do not fit it.
        """
        names = self._subject.names
        for name in settings:
            if name not in names:
                raise ValueError(
                    f"{self._subject.source} has no layer '{name}' to measure; it has "
                    f"{', '.join(sorted(names))}."
                )
        data = converted(self._subject, [settings.get(name) for name in names])
        with self._place.open(
            self._num_threads, self._seed, self._subject.inputs, **self._options
        ) as runs:
            return least_us([runs.timer(data)], range(self._rounds))[0]
