"""For which kind of Android device a shared library was built."""

from __future__ import annotations

import struct
from pathlib import Path

# ABI: (bits, e_machine of the ELF header)
_ABIS = {"arm64-v8a": (64, 183), "armeabi-v7a": (32, 40), "x86_64": (64, 62), "x86": (32, 3)}


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
