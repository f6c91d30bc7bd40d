# SPDX-License-Identifier: Apache-2.0
"""One Android device, through Android's own command-line tool `adb`, and what it can load.

Not thread-safe. A command's output is text except where bytes are said.
"""

from __future__ import annotations

import shlex
import shutil
import struct
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

# The one folder from which the user of `adb shell` may run programs.
_PARENT = "/data/local/tmp"

# ABI: (bits, e_machine of the ELF header)
_ABIS = {"arm64-v8a": (64, 183), "armeabi-v7a": (32, 40), "x86_64": (64, 62), "x86": (32, 3)}


class Device:
    """A connected device that accepts commands.

    Args:
        serial: which of several devices, as `adb devices` lists them; may be None for the only one.

    Raises:
        FileNotFoundError: if there is no adb.
        RuntimeError: if there is no such device, or it does not accept commands yet.
    """

    def __init__(self, serial: str | None = None) -> None:
        adb = shutil.which("adb")
        if adb is None:
            raise FileNotFoundError(
                "there is no adb on the PATH; install Android's platform tools (Debian: apt-get "
                "install adb)."
            )
        self._adb = [adb] if serial is None else [adb, "-s", serial]
        state = self._run("get-state")
        # The daemon, if adb has to start it first, announces itself in lines before.
        if state.returncode or state.stdout.split()[-1:] != [b"device"]:
            raise RuntimeError(
                f"adb finds no device that is ready ({_text(state)}); connect one, allow USB "
                "debugging on its screen; if 'adb devices' lists several, choose one by --serial."
            )

    def shell(self, *command: str) -> str:
        """Run a command on the device; returns what it wrote to standard output.

        Raises:
            RuntimeError: if its exit status is not 0, with the end of what it wrote.
        """
        done = self._run("shell", shlex.join(command))
        if done.returncode:
            raise RuntimeError(
                f"{command[0]} failed on the device with status {done.returncode}: {_text(done)}"
            )
        return done.stdout.decode(errors="replace")

    def has_file(self, path: str) -> bool:
        """Whether this path is a file on the device."""
        return self._run("shell", shlex.join(["test", "-f", path])).returncode == 0

    def abis(self) -> list[str]:
        """The kinds of programs that it runs, the preferred one first: arm64-v8a and the like."""
        return self.shell("getprop", "ro.product.cpu.abilist").strip().split(",")

    def push(self, local: Path, remote: str) -> None:
        """Copy a file to the device.

        Raises:
            RuntimeError: if adb cannot.
        """
        done = self._run("push", str(local), remote)
        if done.returncode:
            raise RuntimeError(f"{local} was not copied to the device: {_text(done)}")

    def read(self, remote: str) -> bytes:
        """The bytes of a file on the device.

        Raises:
            RuntimeError: if adb cannot copy it.
        """
        with tempfile.TemporaryDirectory() as folder:
            local = Path(folder, "file")
            done = self._run("pull", remote, str(local))
            if done.returncode:
                raise RuntimeError(f"{remote} was not copied from the device: {_text(done)}")
            return local.read_bytes()

    @contextmanager
    def folder(self) -> Iterator[str]:
        """A new folder on the device, removed in the end with all that it holds."""
        path = self.shell("mktemp", "-d", f"{_PARENT}/ubp.XXXXXX").strip()
        try:
            yield path
        finally:
            self.shell("rm", "-rf", path)

    def _run(self, *arguments: str) -> subprocess.CompletedProcess[bytes]:
        return subprocess.run(
            [*self._adb, *arguments], stdin=subprocess.DEVNULL, capture_output=True, check=False
        )


def _text(done: subprocess.CompletedProcess[bytes]) -> str:
    """The last lines that a command wrote, in one."""
    lines = (done.stderr.strip() or done.stdout.strip()).decode(errors="replace").splitlines()
    return " ".join(lines[-3:]) or f"status {done.returncode}"


def check_abi(library: Path, abis: list[str]) -> None:
    """Check that a device with these ABIs can load a library.

    Raises:
        ValueError: if it cannot, or the file is no library.
    """
    with library.open("rb") as file:
        header = file.read(20)
    if len(header) < 20 or header[:4] != b"\x7fELF":
        raise ValueError(f"{library} is no shared library.")
    built = (64 if header[4] == 2 else 32, struct.unpack_from("<H", header, 18)[0])
    names = [abi for abi, kind in _ABIS.items() if kind == built]
    if not set(names) & set(abis):
        raise ValueError(
            f"{library} is built for {names[0] if names else 'an unknown processor'}, but the "
            f"device runs {', '.join(abis)}; build it with 'bazel build --config=android_arm64 "
            "//:ubp_delegate' or the like (android/README.md)."
        )
