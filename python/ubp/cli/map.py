# SPDX-License-Identifier: Apache-2.0
"""ubp map: a scheme for every layer, for a time that the whole model may take."""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console

from ubp.cli.adb import add_adb, place_of
from ubp.cli.outcome import Outcome
from ubp.cli.shared import add_command
from ubp.format import BLOCK_SIZES
from ubp.output import check_output, write_output

if TYPE_CHECKING:
    from ubp.latency.network import Setting
    from ubp.mapping.measured import Measure
    from ubp.timing.place import Place

_METHODS = ("knapsack", "rules", "search")
_IMPORTANCES = ("magnitude", "squared", "reconstruction")


def run(options: argparse.Namespace) -> Outcome:
    """Map, print and write."""
    from ubp.conversion.load.loader import load_keras
    from ubp.latency import LatencyModel
    from ubp.mapping.recipe import to_json
    from ubp.mapping.schemes import map_schemes

    for path in (options.output, options.report):
        if path is not None:
            check_output(path, options.force)
    _check_data(options)
    place = place_of(options)
    if place is not None and not options.measure:
        raise ValueError(
            "--adb is where --measure runs the network; add --measure, or leave it out."
        )
    latency = None if options.latency is None else LatencyModel.load(options.latency)
    model = load_keras(options.model)
    measure = None
    if options.measure:
        threads = 1 if latency is None or latency.device is None else latency.device.threads
        measure = _timer(model, threads, place)
    mapping = map_schemes(
        model,
        latency,
        budget_ms=options.budget_ms,
        speedup=options.speedup,
        method=options.method,
        importance=options.importance,
        layers=options.layers,
        block_sizes=options.block_sizes,
        min_density=options.min_density,
        measure=measure,
        data=options.data,
        seed=options.seed,
        **_search(options),
    )
    mapping.save(options.output, options.force)
    if options.report is not None:
        from ubp.reporting.mapping import mapping_page

        write_output(options.report, mapping_page(mapping), options.force)
    written = [path for path in (options.output, options.report) if path is not None]

    def show(console: Console) -> None:
        print(mapping)
        for path in written:
            print(f"wrote {path}")

    return Outcome({"mapping": json.loads(to_json(mapping)), "written": written}, show)


def _timer(model: Any, threads: int, place: Place | None) -> Measure:
    """Times a model's mappings; it is converted for the first, when all arguments are checked."""
    from ubp.timing import NetworkTimer

    @cache
    def timer() -> NetworkTimer:
        return NetworkTimer(model, num_threads=threads, place=place)

    def measure(settings: Mapping[str, Setting]) -> float:
        return timer()(settings)

    return measure


def _search(options: argparse.Namespace) -> dict[str, Any]:
    """The arguments of a search."""
    if options.method != "search":
        if options.storage is not None:
            raise ValueError("--storage is for --method search; leave it out.")
        return {}
    return {
        "storage": options.storage,
        "trials": options.trials,
        "workers": options.workers,
    }


def _check_data(options: argparse.Namespace) -> None:
    """Refuse --data where nothing asks for it, and miss it where something does."""
    if options.importance == "reconstruction":
        use = "--importance reconstruction measures errors on inputs"
    elif options.method == "search":
        use = "--method search scores mappings by inputs"
    elif options.data is not None:
        raise ValueError(
            "--data is for --importance reconstruction and --method search; leave it out."
        )
    else:
        return
    if options.data is None:
        raise ValueError(f"{use}; give some hundred by --data.")


def add(commands: Any) -> None:
    """Add the command."""
    parser = add_command(
        commands,
        "map",
        run,
        "choose each layer's block size and sparsity for a time that one names.\n\n"
        "For every layer the table has its scheme, what it takes and what it keeps of its\n"
        "importance, and what other blocks would keep in the same time. Nothing is pruned here:\n"
        "the file, JSON that may be edited, is what ubp.prune prunes by in Python, with\n"
        "layers=ubp.SchemeMapping.load('mapping.json').layers, and 'ubp convert --mapping' then\n"
        "gives each layer its N.\n"
        "Without --latency, times are predicted from the constants that come with the package, of\n"
        "the layers alone: give --speedup, of these.",
        "  ubp profile model.keras -o latency.json\n"
        "  ubp map model.keras --latency latency.json --budget-ms 4 -o mapping.json\n"
        "  ubp map model.keras --speedup 3 -o mapping.json --report mapping.html",
    )
    parser.add_argument("model", type=Path, help="a .keras or .h5 file of Keras 3")
    parser.add_argument("-o", "--output", type=Path, required=True, help="the .json file to write")
    parser.add_argument(
        "--latency", type=Path, help="the file of 'ubp profile MODEL', or of 'ubp calibrate'"
    )
    budget = parser.add_mutually_exclusive_group(required=True)
    budget.add_argument(
        "--budget-ms", type=float, metavar="MS", help="milliseconds that an inference may take"
    )
    budget.add_argument(
        "--speedup", type=float, metavar="X", help="times as fast as the dense model"
    )
    parser.add_argument(
        "--method",
        choices=_METHODS,
        default="knapsack",
        help="the best by importance; one by a table of rules; or the best of trials, each rebuilt "
        "on --data without training (default: %(default)s)",
    )
    parser.add_argument(
        "--importance",
        choices=_IMPORTANCES,
        default="magnitude",
        help="of a weight; or the errors that layers make on --data with their weights re-fitted "
        "(default: %(default)s)",
    )
    parser.add_argument(
        "--layers",
        nargs="+",
        metavar="NAME",
        help="names of layers that may be pruned, or patterns such as 'block_*' (default: all but "
        "the first convolution and the last layer)",
    )
    parser.add_argument(
        "--block-sizes",
        type=int,
        nargs="+",
        choices=BLOCK_SIZES,
        metavar="N",
        help="to choose from (default: those that were measured, or 1 2 4 8)",
    )
    parser.add_argument(
        "--min-density",
        type=float,
        default=0.01,
        help="share of its weights that each layer keeps at least (default: %(default)s)",
    )
    parser.add_argument(
        "--measure",
        action="store_true",
        help="run the network with these blocks, and ask for less predicted time until it takes no "
        "more than the budget: here, or where --adb says; --latency is of the same machine",
    )
    parser.add_argument(
        "--data",
        type=Path,
        metavar="PATH",
        help="a .npy or .npz file with some hundred inputs as the model takes them, for "
        "--importance reconstruction and --method search",
    )
    parser.add_argument(
        "--seed", type=int, default=0, help="of what is drawn from them, and of trials (default: 0)"
    )
    parser.add_argument("--report", type=Path, help="also write a page with pictures (.html)")
    add_adb(parser)
    _add_search(parser)


def _add_search(parser: argparse.ArgumentParser) -> None:
    """Add what a search takes."""
    group = parser.add_argument_group("search", "with --method search; needs Optuna")
    group.add_argument("--trials", type=int, default=40, help="scores to find (default: 40)")
    group.add_argument(
        "--storage",
        metavar="JOURNAL",
        help="keep trials in this file, and go on with those in it; or the address of a database",
    )
    group.add_argument("--workers", type=int, default=1, help="processes (default: 1)")
