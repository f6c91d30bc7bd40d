# SPDX-License-Identifier: Apache-2.0
"""Whole networks, pruned and converted, against dense XNNPACK: `./run bench models`."""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from bench.harness.command import Command, names_of, now, numbers, rounds
from bench.harness.machine import Machine
from bench.harness.networks import FULL, NETWORKS, QUICK, Network
from bench.harness.pruned import BLOCK_SIZE, SEED, load_or_build
from bench.harness.results import ResultFolder
from bench.harness.table import terminal_table
from bench.models import report as results
from bench.models.measure import Candidate, Rivals, measure
from bench.models.peers import Peer, convert, install_peers
from bench.models.report import Report, Result
from ubp.progress import ProgressBar

_ROUNDS, _QUICK_ROUNDS = 30, 2
_SPARSITIES, _QUICK_SPARSITIES = (0, 80, 90, 95), (0, 80)


@dataclass(frozen=True)
class Settings:
    """What is measured: every combination of these.

    sparsities: percent.
    rounds: of each measurement, see `ubp.benchmark`.
    peers: whether other inference engines are measured too.
    """

    networks: Sequence[Network]
    sparsities: Sequence[int]
    threads: Sequence[int]
    rounds: int
    peers: bool


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmark; returns the exit status."""
    return _COMMAND.main(_parser(), arguments)


def _measure(options: argparse.Namespace, folder: ResultFolder, console: Console) -> Report:
    settings = _settings(options)
    date, machine = now(), Machine.this()
    notes: list[str] = []
    peers = install_peers(notes) if settings.peers else []
    measured = list(_measure_all(settings, peers, folder.cache, notes))
    return Report(
        date=date,
        machine=machine,
        block_size=BLOCK_SIZE,
        seed=SEED,
        rounds=settings.rounds,
        blocks={network.name: network.block for network in settings.networks},
        peers={peer.name: f"{', '.join(peer.requirements)}; {peer.how}" for peer in peers},
        notes=notes,
        results=measured,
    )


def _measure_all(
    settings: Settings, peers: Sequence[Peer], cache: Path, notes: list[str]
) -> Iterator[Result]:
    total = len(settings.networks) * len(settings.sparsities) * len(settings.threads)
    with ProgressBar(total=total, unit="measurement") as bar:
        for network in settings.networks:
            bar.set_description(f"building {network.name}")
            dense = load_or_build(network, 0, cache)
            for sparsity in settings.sparsities:
                bar.set_description(f"building {network.name} {sparsity}%")
                candidate = Candidate.of(sparsity, load_or_build(network, sparsity, cache))
                with tempfile.TemporaryDirectory() as folder:
                    rivals = _rivals(peers, network, sparsity, cache, Path(folder), notes)
                    bar.set_description(f"timing {network.name} {sparsity}%")
                    for threads in settings.threads:
                        yield measure(network, dense, candidate, threads, settings.rounds, rivals)
                        bar.update()


def _rivals(
    peers: Sequence[Peer],
    network: Network,
    sparsity: int,
    cache: Path,
    folder: Path,
    notes: list[str],
) -> Rivals:
    """The network in the peers' formats, in `folder`."""
    able = [peer for peer in peers if sparsity or not peer.aligned]
    label = f"{network.name} at {sparsity}% sparsity"

    def file_of(aligned: bool) -> bytes:
        return load_or_build(network, sparsity, cache, aligned)

    return Rivals(convert(able, file_of, folder, label, notes), notes)


def _show(report: Report, console: Console) -> None:
    sections = results.by_network(report.results)
    rows = [map(results.cells, section) for section in sections]
    console.print(terminal_table(results.HEADINGS, rows))
    console.print(
        "XNNPACK: the unpruned network. UBP: the pruned one, converted; at 0% the unpruned one, "
        "forced.\nspeed-up: median of the rounds; error: the largest, of the outputs' range; MiB: "
        "resident memory\nof UBP / XNNPACK."
    )
    if report.peers:
        peers = list(report.peers)
        peer_rows = [[results.peer_cells(each, peers) for each in section] for section in sections]
        title = "Times as fast as dense XNNPACK"
        console.print(terminal_table(results.peer_headings(peers), peer_rows, title))
        for name, how in report.peers.items():
            console.print(f"{name}: {how}")
    for note in report.notes:
        console.print(note)


def _settings(options: argparse.Namespace) -> Settings:
    names = options.networks or (QUICK if options.quick else FULL)
    default_threads = [count for count in (1, 2) if count <= (os.cpu_count() or 1)]
    return Settings(
        networks=[NETWORKS[name] for name in names],
        sparsities=options.sparsity or (_QUICK_SPARSITIES if options.quick else _SPARSITIES),
        threads=options.threads or default_threads,
        rounds=options.rounds or (_QUICK_ROUNDS if options.quick else _ROUNDS),
        peers=options.peers,
    )


def _parser() -> argparse.ArgumentParser:
    parser = _COMMAND.parser(
        "Time networks of keras.applications, pruned in random unaligned blocks and "
        "converted, against the unpruned ones in XNNPACK, taking turns.",
        files=", models.png and the networks (0.6 GB)",
        quick="a tiny network and few rounds: shows that all works, not how fast",
    )
    parser.add_argument(
        "--networks",
        type=names_of("network", NETWORKS),
        metavar="NAME,...",
        help=f"of {', '.join(NETWORKS)} (default: {','.join(FULL)})",
    )
    parser.add_argument(
        "--sparsity",
        type=numbers(0, 99),
        metavar="PERCENT,...",
        help="zeros in the 1x1 and 3x3 convolutions but the first; 0 runs the unpruned network in "
        f"the delegate (default: {','.join(map(str, _SPARSITIES))})",
    )
    parser.add_argument(
        "--threads",
        type=numbers(1, 64),
        metavar="N,...",
        help="of each interpreter (default: 1,2)",
    )
    parser.add_argument(
        "--rounds",
        type=rounds,
        metavar="N",
        help=f"blocks of inferences that each interpreter runs (default: {_ROUNDS})",
    )
    parser.add_argument(
        "--peers",
        action="store_true",
        help="also time other inference engines: MNN, ONNX Runtime and OpenVINO, installed into "
        ".deps/peers when they are not there",
    )
    return parser


_COMMAND = Command(
    name="models",
    report=Report,
    measure=_measure,
    show=_show,
    values=results.values,
    draw=results.draw,
)


if __name__ == "__main__":
    sys.exit(main())
