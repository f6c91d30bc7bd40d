# SPDX-License-Identifier: Apache-2.0
"""The options of commands that run models in the delegate: on which backend, and how."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

BACKENDS = ("cpu", "gpu", "auto")
PRECISIONS = ("fp32", "fp16_storage", "fp16")


def add_gpu(
    parser: argparse.ArgumentParser, what: str, several: bool = False, auto: bool = True
) -> None:
    """Add the options.

    Args:
        what: is run, for the help.
        several: whether more than one backend can be given.
        auto: whether the choice can be left to a measurement.
    """
    group = parser.add_argument_group("backend", "docs/gpu.md explains it")
    if several:
        group.add_argument(
            "--backend",
            type=_backends,
            default=["cpu"],
            metavar="cpu,gpu",
            help=f"what runs {what}, by turns where it is several: cpu, gpu (OpenCL), auto "
            "(default: cpu)",
        )
    else:
        group.add_argument(
            "--backend",
            choices=BACKENDS if auto else ("cpu", "gpu"),
            default="cpu",
            help=f"what runs {what}; gpu is an OpenCL device"
            + auto
            * ", auto the CPU unless a measurement in --gpu-cache says that the GPU is faster"
            + " (default: cpu)",
        )
    group.add_argument("--precision", choices=PRECISIONS, help="of the GPU (default: fp32)")
    group.add_argument(
        "--gpu-device",
        metavar="DEVICE",
        help="its number or a part of its name, as 'ubp devices' lists them (default: the first "
        "GPU)",
    )
    group.add_argument(
        "--gpu-cache",
        type=Path,
        metavar="DIR",
        help="keep compiled programs and measurements in this folder",
    )
    group.add_argument(
        "--gpu-tune",
        choices=["on", "off"],
        help="measure what the cache does not have yet: how kernels divide their work and, with "
        "--backend auto, the CPU against the GPU (default: off)",
    )


def delegate_options(options: argparse.Namespace, backend: str | None = None) -> dict[str, Any]:
    """The delegate's options for a backend, by default the one that was given.

    Raises:
        ValueError: if there are options for a GPU, and nothing runs on one; or auto has no cache.
    """
    given = {
        "precision": options.precision,
        "gpu_device": options.gpu_device,
        "gpu_cache": options.gpu_cache,
        "gpu_tune": options.gpu_tune,
    }
    chosen = {name: value for name, value in given.items() if value is not None}
    if chosen and not _uses_gpu(options.backend):
        name = "--" + next(iter(chosen)).replace("_", "-")
        raise ValueError(f"{name} is for a GPU, but --backend is cpu; add --backend gpu or auto.")
    backend = options.backend if backend is None else backend
    if backend == "auto" and "gpu_cache" not in chosen:
        raise ValueError(
            "--backend auto goes by measurements that are kept in a folder; name it with "
            "--gpu-cache (--gpu-tune on measures what it does not have)."
        )
    return {} if backend == "cpu" else {"backend": backend, **chosen}


def _uses_gpu(backend: str | Sequence[str]) -> bool:
    return set([backend] if isinstance(backend, str) else backend) != {"cpu"}


def _backends(text: str) -> list[str]:
    backends = text.split(",")
    if not set(backends) <= set(BACKENDS) or len(set(backends)) < len(backends):
        raise argparse.ArgumentTypeError(f"'{text}' is no list of backends such as cpu,gpu")
    return backends
