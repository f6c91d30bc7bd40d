# SPDX-License-Identifier: Apache-2.0
"""Checks wheels: tags against the libraries inside, and what else a package promises.

    python3 tools/check_wheel.py dist/*.whl

Prints a line for each wheel, and one for each fault; the exit status is 1 if there is any.
"""

from __future__ import annotations

import base64
import hashlib
import re
import sys
import zipfile
from email.message import Message
from email.parser import Parser
from pathlib import Path

LIBRARIES = ("ubp/lib/libubp_delegate.so", "ubp/lib/libubp_selection.so")
# Nobody who only runs models is to download these.
HEAVY = {"jax", "jaxlib", "keras", "tensorflow", "tf-keras", "torch"}
_MACHINES = {40: "armv7l", 62: "x86_64", 183: "aarch64"}  # e_machine of ELF files
_FIELDS = ("Summary", "Keywords", "Requires-Python", "License-File", "Classifier")


def faults(path: Path) -> list[str]:
    """What is wrong with a wheel, a sentence each.

    Args:
        path: of the file, whose name counts.
    """
    parts = path.stem.split("-")
    if len(parts) != 5:
        return [f"its name is no NAME-VERSION-PYTHON-ABI-PLATFORM.whl: {path.name}"]
    try:
        with zipfile.ZipFile(path) as wheel:
            files = {name: wheel.read(name) for name in wheel.namelist() if name[-1] != "/"}
    except zipfile.BadZipFile as error:
        return [f"it is no zip archive ({error})"]
    info = f"{parts[0]}-{parts[1]}.dist-info"
    described = [f"{info}/{name}" for name in ("METADATA", "WHEEL", "RECORD", "entry_points.txt")]
    wanted = (*LIBRARIES, "ubp/py.typed", "ubp/constants.json", "ubp/__init__.py", *described)
    missing = [name for name in wanted if name not in files]
    if missing:
        return [f"{name} is missing" for name in missing]
    return [
        *_faults_of_tags(parts, files, _parsed(files[f"{info}/WHEEL"])),
        *_faults_of_metadata(parts, files, info),
        *_faults_of_record(files, info),
        *[
            f"{name} does not belong there"
            for name in files
            if not name.startswith(("ubp/", f"{info}/"))
        ],
    ]


def _parsed(content: bytes) -> Message:
    return Parser().parsestr(content.decode("utf-8"))


def _faults_of_tags(parts: list[str], files: dict[str, bytes], wheel: Message) -> list[str]:
    found = []
    python, abi, platforms = parts[2:]
    if (python, abi) != ("py3", "none"):
        found.append(f"its tags are {python}-{abi}, expected py3-none: there is no extension in it")
    tags = {f"{python}-{abi}-{platform}" for platform in platforms.split(".")}
    if set(wheel.get_all("Tag", [])) != tags:
        found.append(f"WHEEL has the tags {wheel.get_all('Tag')}, its name {sorted(tags)}")
    if wheel["Root-Is-Purelib"] != "false":
        found.append("WHEEL calls it pure Python")
    for library in LIBRARIES:
        header = files[library][:20]
        code = int.from_bytes(header[18:20], "little")
        machine = _MACHINES.get(code, f"machine {code}") if header[:4] == b"\x7fELF" else "no ELF"
        found += [
            f"{library} is for {machine}, the wheel for {platform}"
            for platform in platforms.split(".")
            if not platform.endswith(f"_{machine}")
        ]
    return found


def _faults_of_metadata(parts: list[str], files: dict[str, bytes], info: str) -> list[str]:
    metadata = _parsed(files[f"{info}/METADATA"])
    found = [f"METADATA has no {name}" for name in _FIELDS if not metadata[name]]
    if (metadata["Name"], metadata["Version"]) != (parts[0], parts[1]):
        found.append(f"METADATA is of {metadata['Name']} {metadata['Version']}")
    code = files["ubp/__init__.py"].decode("utf-8")
    version = re.search(r'^__version__ = "(.*)"$', code, re.MULTILINE)
    if version is None or version[1] != parts[1]:
        found.append(f"ubp.__version__ is not {parts[1]}")
    if metadata["License-Expression"] != "Apache-2.0":
        found.append(f"its licence is {metadata['License-Expression']}, expected Apache-2.0")
    found += [
        f"{info}/licenses/{name} is missing"
        for name in metadata.get_all("License-File", [])
        if f"{info}/licenses/{name}" not in files
    ]
    for requirement in metadata.get_all("Requires-Dist", []):
        name = re.sub(r"[-_.]+", "-", re.split(r"[^\w.-]", requirement)[0]).lower()
        if name in HEAVY and "extra ==" not in requirement:
            found.append(f"everybody has to install {requirement}")
    if b"ubp = ubp.cli:main" not in files[f"{info}/entry_points.txt"]:
        found.append("it has no command ubp")
    return found


def _faults_of_record(files: dict[str, bytes], info: str) -> list[str]:
    recorded = {}
    for line in files[f"{info}/RECORD"].decode("utf-8").splitlines():
        name, digest, _ = line.rsplit(",", 2)
        recorded[name.strip('"')] = digest
    found = []
    for name, content in files.items():
        if name == f"{info}/RECORD":
            continue
        digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).decode().rstrip("=")
        if recorded.get(name) != f"sha256={digest}":
            found.append(f"{name} is not what RECORD says")
    return found


def main(paths: list[str]) -> int:
    """Check these files; returns the exit status."""
    if not paths:
        print("usage: check_wheel.py WHEEL...", file=sys.stderr)
        return 2
    status = 0
    for path in map(Path, paths):
        found = faults(path) if path.is_file() else ["no such file"]
        print(f"{path.name}: {'as it should be' if not found else f'{len(found)} faults'}")
        for fault in found:
            print(f"  {fault}")
            status = 1
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
