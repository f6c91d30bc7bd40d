# SPDX-License-Identifier: Apache-2.0
"""tools/check_wheel.py finds what is wrong with a wheel; tools/readme_code.py finds code.

test_install.py has it look at a wheel that was built.
"""

from __future__ import annotations

import base64
import hashlib
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
TAG = "py3-none-manylinux_2_35_aarch64"
INFO = "ubp-0.1.0.dist-info"
ELF = b"\x7fELF\x02\x01\x01".ljust(18, b"\0")
METADATA = """Metadata-Version: 2.4
Name: ubp
Version: 0.1.0
Summary: blocks
License-Expression: Apache-2.0
License-File: LICENSE
Keywords: pruning
Classifier: Typing :: Typed
Requires-Python: >=3.10
Requires-Dist: numpy>=1.26
Requires-Dist: tensorflow>=2.21; extra == "train"
"""


def files() -> dict[str, bytes]:
    """Of a good wheel, without RECORD."""
    library = ELF + (183).to_bytes(2, "little")
    return {
        "ubp/__init__.py": b'__version__ = "0.1.0"\n',
        "ubp/py.typed": b"",
        "ubp/constants.json": b"{}",
        "ubp/lib/libubp_delegate.so": library,
        "ubp/lib/libubp_selection.so": library,
        f"{INFO}/METADATA": METADATA.encode(),
        f"{INFO}/WHEEL": f"Wheel-Version: 1.0\nRoot-Is-Purelib: false\nTag: {TAG}\n".encode(),
        f"{INFO}/entry_points.txt": b"[console_scripts]\nubp = ubp.cli:main\n",
        f"{INFO}/licenses/LICENSE": b"Apache",
    }


def checked(
    folder: Path, content: dict[str, bytes], name: str = f"ubp-0.1.0-{TAG}.whl", record: str = ""
) -> subprocess.CompletedProcess[str]:
    """What is said of a wheel of these files."""
    lines = []
    for file, data in content.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).decode().rstrip("=")
        lines.append(f"{file},sha256={digest},{len(data)}")
    with zipfile.ZipFile(folder / name, "w") as wheel:
        for file, data in content.items():
            wheel.writestr(file, data)
        wheel.writestr(f"{INFO}/RECORD", record or "\n".join([*lines, f"{INFO}/RECORD,,"]))
    tool = ROOT / "tools" / "check_wheel.py"
    return subprocess.run(
        [sys.executable, tool, folder / name], capture_output=True, text=True, check=False
    )


def test_a_good_wheel(tmp_path: Path) -> None:
    done = checked(tmp_path, files())
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"ubp-0.1.0-{TAG}.whl: as it should be\n"


@pytest.mark.parametrize(
    ("file", "old", "new", "fault"),
    [
        ("ubp/py.typed", None, None, "ubp/py.typed is missing"),
        ("ubp/lib/libubp_selection.so", None, None, "libubp_selection.so is missing"),
        ("ubp/lib/libubp_delegate.so", b"\xb7", b"\x3e", "is for x86_64, the wheel for manylinux"),
        ("ubp/lib/libubp_delegate.so", b"ELF", b"PE..", "libubp_delegate.so is for no ELF"),
        (f"{INFO}/WHEEL", b"none", b"cp311", "WHEEL has the tags ['py3-cp311-"),
        (f"{INFO}/WHEEL", b"false", b"true", "WHEEL calls it pure Python"),
        (f"{INFO}/METADATA", b"Apache-2.0", b"MIT", "its licence is MIT, expected Apache-2.0"),
        (f"{INFO}/METADATA", b"Keywords: pruning\n", b"", "METADATA has no Keywords"),
        (f"{INFO}/METADATA", b"Version: 0.1.0", b"Version: 0.2", "METADATA is of ubp 0.2"),
        (f"{INFO}/METADATA", b'; extra == "train"', b"", "to install tensorflow>=2.21"),
        (f"{INFO}/METADATA", b"numpy>=1.26", b"Torch>2", "everybody has to install Torch>2"),
        (f"{INFO}/licenses/LICENSE", None, None, f"{INFO}/licenses/LICENSE is missing"),
        (f"{INFO}/entry_points.txt", b"main", b"other", "it has no command ubp"),
        ("ubp/__init__.py", b"0.1.0", b"0.1.1", "ubp.__version__ is not 0.1.0"),
    ],
)
def test_faults(
    file: str, old: bytes | None, new: bytes | None, fault: str, tmp_path: Path
) -> None:
    content = files()
    if old is None or new is None:
        del content[file]
    else:
        assert old in content[file]
        content[file] = content[file].replace(old, new)
    done = checked(tmp_path, content)
    assert done.returncode == 1 and fault in done.stdout


def test_faults_of_the_archive(tmp_path: Path) -> None:
    done = checked(tmp_path, files() | {"tests/a.py": b""})
    assert "tests/a.py does not belong there" in done.stdout
    done = checked(tmp_path, files(), record=f"ubp/py.typed,sha256=x,0\n{INFO}/RECORD,,")
    assert "ubp/py.typed is not what RECORD says" in done.stdout
    assert "its tags are cp311-cp311, expected py3-none" in (
        checked(tmp_path, files(), f"ubp-0.1.0-cp311-cp311-{TAG.split('-')[2]}.whl").stdout
    )
    assert "1 faults" in checked(tmp_path, files(), "ubp.whl").stdout
    (tmp_path / "x-1-py3-none-any.whl").write_bytes(b"no zip")
    tool = ROOT / "tools" / "check_wheel.py"
    for arguments, status, said in (
        ([tmp_path / "x-1-py3-none-any.whl"], 1, "it is no zip archive"),
        ([tmp_path / "none.whl"], 1, "no such file"),
        ([], 2, "usage: "),
    ):
        done = subprocess.run([sys.executable, tool, *arguments], capture_output=True, text=True)
        assert done.returncode == status and said in done.stdout + done.stderr


def test_code_of_a_page(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("a\n```python\nx = 1\n```\n```\npip install y\nz\n```\n```python\nx = 2\n```\n")
    tool = ROOT / "tools" / "readme_code.py"

    def code(wanted: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run([sys.executable, tool, page, wanted], capture_output=True, text=True)

    assert code("python").stdout == "x = 1\n\nx = 2\n"
    assert code("pip install").stdout == "pip install y\n"
    failed = code("npm")
    assert failed.returncode == 1 and "has no such code: npm" in failed.stderr


def test_wheels_are_made_before_they_are_checked(tmp_path: Path) -> None:
    shutil.copy(ROOT / "run", tmp_path)
    shutil.copytree(ROOT / "tools", tmp_path / "tools")
    done = subprocess.run(
        [tmp_path / "run", "wheels", "--check"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    said = "run './run wheels' first" if os.geteuid() == 0 else "it must be root"
    assert said in done.stderr
