# SPDX-License-Identifier: Apache-2.0
"""What of UBP works on this machine: its libraries, the packages that it uses, processors, adb."""

from __future__ import annotations

import platform
import re
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import metadata

import ubp
from ubp.extras import requirement_of

# What each package is for.
_REQUIRED = {
    "numpy": "arrays",
    "flatbuffers": "reading and writing .tflite files",
    "protobuf": "the interpreter's profile",
    "ml_dtypes": "bfloat16 weights",
    "ai-edge-litert": "the interpreter",
    "argcomplete": "completion in shells",
    "rich": "tables",
    "tqdm": "progress bars",
}
_OPTIONAL = {
    "keras": "pruning, and converting Keras models",
    "tensorflow": "pruning, converting Keras models, tf.lite",
    "tf_keras": "converting models of Keras 2",
    "tensorflow-model-optimization": "its pruned models and schedules",
    "scipy": "pruning without training, permutation",
    "threadpoolctl": "pruning without training",
    "jinja2": "HTML reports",
    "matplotlib": "pictures",
    "pillow": "pictures as inputs",
    "optuna": "mapping schemes by search",
}


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at.

    name: what it is.
    state: "ok"; "missing", of something that UBP can do without; or "broken".
    found: what was found, such as a version or a path.
    advice: what to do, or what does not work without it; empty where all is well.
    """

    name: str
    state: str
    found: str
    advice: str = ""


def examine_installation() -> list[Finding]:
    """Look at everything that UBP uses on this machine, whether it can do without or not.

    Example:
        >>> [finding.name for finding in examine_installation() if finding.state == "broken"]
        []
    """
    return list(_findings())


def _findings() -> Iterator[Finding]:
    yield Finding("ubp", "ok", f"{ubp.__version__} in {ubp.__path__[0]}")
    yield Finding("python", "ok", f"{platform.python_version()} for {platform.machine()}")
    yield _tried("delegate", _delegate, "models run as without UBP")
    yield _tried(
        "block selection", _selection, "blocks are chosen in NumPy, more slowly", "missing"
    )
    for package, use in _REQUIRED.items():
        yield _package(package, use, "broken")
    for package, use in _OPTIONAL.items():
        yield _package(package, use, "missing")
    yield from _devices()
    adb = shutil.which("adb")
    yield Finding(
        *("adb", "ok" if adb else "missing", adb or "not on the PATH"),
        "" if adb else "ubp android-benchmark needs it (Android SDK Platform-Tools, Debian: adb)",
    )


def _tried(name: str, work: Callable[[], str], without: str, state: str = "broken") -> Finding:
    try:
        return Finding(name, "ok", work())
    except (OSError, RuntimeError, ValueError, ImportError) as error:
        return Finding(name, state, " ".join(str(error).split()), without)


def _delegate() -> str:
    from ubp.runtime.delegate import delegate_path, load_delegate
    from ubp.runtime.devices import list_devices

    load_delegate()
    devices = list_devices()
    return f"{devices.version}, {devices.kernel} kernels, {delegate_path()}"


def _selection() -> str:
    from ubp.selection import native

    return f"{native.families()[0]} kernels, {native.LIBRARY}"


def _package(package: str, use: str, state: str) -> Finding:
    wanted = requirement_of(package)
    advice = f"{use}: 'pip install \"{wanted}\"'"
    try:
        version = metadata.version(package)
    except metadata.PackageNotFoundError:
        return Finding(package, state, "not installed", advice)
    if _numbers(version) < _numbers(wanted.partition(">=")[2]):
        return Finding(package, "broken", f"{version}, too old", advice)
    return Finding(package, "ok", version)


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", version.partition("+")[0])[:3])


def _devices() -> Iterator[Finding]:
    try:
        from ubp.runtime.devices import list_devices

        devices = list_devices()
    except (OSError, RuntimeError, ImportError):  # told of the delegate already
        return
    for device in devices.devices:
        found = f"{device.name}, driver {device.driver}"
        state = "missing" if device.unsuitable else "ok"
        yield Finding(f"OpenCL {device.type}", state, found, device.unsuitable)
    if devices.error:
        found = devices.library or "no OpenCL library"
        yield Finding("GPU", "missing", found, devices.error)
