# SPDX-License-Identifier: Apache-2.0
"""The processors that the delegate can run on: those of OpenCL, and the CPU's kernels."""

from __future__ import annotations

import ctypes
import json
from dataclasses import dataclass

from ubp.runtime.delegate import delegate_path


@dataclass(frozen=True)
class Device:
    """An OpenCL device.

    name, vendor, version, driver, platform, platform_version: as the driver has them.
    type: "gpu", "cpu", "accelerator" or "other".
    compute_units, clock_mhz: how many, and how fast at most.
    memory_bytes, buffer_bytes, local_bytes: of all memory, of the largest buffer, and of the memory
        that a work-group shares.
    work_group_size: the most work-items in a work-group.
    unified_memory: whether it is the CPU's memory, so that nothing is copied to it.
    fp16: whether it computes with 16 bits; every device stores them.
    quirks: what the delegate does for this driver only, in words.
    unsuitable: why it cannot be used, the end of a sentence; empty where it can.
    chosen: whether backend=gpu takes it where gpu_device names none.
    """

    name: str
    type: str
    vendor: str
    version: str
    driver: str
    platform: str
    platform_version: str
    compute_units: int
    clock_mhz: int
    memory_bytes: int
    buffer_bytes: int
    local_bytes: int
    work_group_size: int
    unified_memory: bool
    fp16: bool
    quirks: list[str]
    unsuitable: str
    chosen: bool


@dataclass(frozen=True)
class Devices:
    """What this machine offers the delegate.

    version: the delegate's.
    kernel: the CPU's kernels, such as "avx512".
    library: the OpenCL library that was found; empty where there is none.
    error: why no GPU can be used, and what to do; empty where one can.
    devices: of OpenCL; the option gpu_device counts them from 0.
    """

    version: str
    kernel: str
    library: str
    error: str
    devices: list[Device]


def list_devices() -> Devices:
    """Ask the delegate, which opens an OpenCL library where there is one.

    Raises:
        FileNotFoundError, RuntimeError: if there is no delegate, or one without this function.

    Example:
        >>> [device.name for device in list_devices().devices]  # doctest: +SKIP
        ['Mali-G78']
    """
    found = json.loads(_devices_json(delegate_path()))
    return Devices(**{**found, "devices": [Device(**device) for device in found["devices"]]})


def _devices_json(path: str) -> str:
    try:
        ask = ctypes.CDLL(path).ubp_delegate_devices
    except (OSError, AttributeError) as error:
        raise RuntimeError(
            f"{path} is no UBP delegate of this version ({error}); build it with './run build', or "
            "reinstall the package."
        ) from error
    ask.argtypes, ask.restype = [ctypes.c_char_p, ctypes.c_size_t], ctypes.c_size_t
    room = ask(None, 0)
    text = ctypes.create_string_buffer(room)
    if not 0 < ask(text, room) <= room:
        raise RuntimeError("the OpenCL devices changed while they were listed; try again.")
    return text.value.decode("utf-8")
