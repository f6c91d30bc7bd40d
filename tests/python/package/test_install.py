"""An installed package works outside the checkout: the wheel carries the libraries."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
LIBRARIES = ROOT / "python" / "ubp" / "lib"
DELEGATE = LIBRARIES / "libubp_delegate.so"
SELECTION = LIBRARIES / "libubp_selection.so"

pytestmark = pytest.mark.slow


def pip(*arguments: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Runs pip without the network; `environment` is added to this process's."""
    return subprocess.run(
        [sys.executable, "-m", "pip", "--no-input", *arguments],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def build_wheel(
    folder: Path, delegate: Path, selection: Path = SELECTION
) -> subprocess.CompletedProcess[str]:
    """Builds the wheel of the checkout into `folder` with libraries that are already built."""
    return pip(
        *("wheel", ROOT, "--no-deps", "--no-build-isolation", "-w", folder),
        UBP_DELEGATE=str(delegate),
        UBP_SELECTION_LIBRARY=str(selection),
    )


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Returns a wheel of the checkout with the libraries that `./run build` made."""
    folder = tmp_path_factory.mktemp("wheel")
    built = build_wheel(folder, DELEGATE)
    assert built.returncode == 0, built.stdout + built.stderr
    (path,) = folder.glob("*.whl")
    return path


def test_wheel_is_for_one_platform_and_any_python3(wheel: Path) -> None:
    """The delegate is machine code, but no Python extension."""
    _, _, python_tag, abi_tag, platform_tag = wheel.stem.split("-")
    assert (python_tag, abi_tag) == ("py3", "none")
    assert platform_tag != "any"


def library_for(machine: int, path: Path) -> Path:
    """The beginning of a 64-bit ELF library for a processor."""
    path.write_bytes(b"\x7fELF\x02\x01\x01".ljust(18, b"\0") + machine.to_bytes(2, "little"))
    return path


def test_wheel_is_for_the_processor_of_its_libraries(tmp_path: Path) -> None:
    """Whatever the machine that makes it."""
    aarch64 = library_for(183, tmp_path / "aarch64.so")
    built = build_wheel(tmp_path, aarch64, aarch64)
    assert built.returncode == 0, built.stdout + built.stderr
    (path,) = tmp_path.glob("*.whl")
    assert path.stem.endswith("-py3-none-linux_aarch64")
    failed = build_wheel(tmp_path, aarch64, library_for(62, tmp_path / "x86_64.so"))
    assert failed.returncode != 0
    assert "The libraries are not for one processor" in failed.stdout + failed.stderr


def test_wheel_holds_the_package_only(wheel: Path) -> None:
    """The libraries are in it, byte for byte; their sources, the demo and the tests are not."""
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        for library in (DELEGATE, SELECTION):
            assert archive.read(f"ubp/lib/{library.name}") == library.read_bytes()
    folders = {name.split("/")[0] for name in names}
    assert not [name for name in names if name.endswith((".cc", ".h", "BUILD"))]
    assert {folder for folder in folders if not folder.endswith(".dist-info")} == {"ubp"}


def test_installed_package_finds_its_delegate_outside_the_checkout(
    wheel: Path, tmp_path: Path
) -> None:
    """`import ubp` and `ubp.load_delegate()` use the installed files."""
    site = tmp_path / "site"
    installed = pip("install", wheel, "--no-deps", "--target", site)
    assert installed.returncode == 0, installed.stdout + installed.stderr

    environment = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "UBP_DELEGATE")}
    result = subprocess.run(
        [
            sys.executable,
            "-c",
            "import ubp, ubp.selection.native as native; ubp.load_delegate(); native.families();"
            "print(ubp.__file__); print(ubp.delegate_path()); print(native.LIBRARY)",
        ],
        cwd=tmp_path,
        env={**environment, "PYTHONPATH": str(site)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    module, delegate, selection = (Path(line) for line in result.stdout.splitlines())
    assert module == site / "ubp" / "__init__.py"
    assert delegate == site / "ubp" / "lib" / "libubp_delegate.so"
    assert selection == site / "ubp" / "lib" / "libubp_selection.so"
    assert delegate.is_file() and selection.is_file()


def test_a_prebuilt_delegate_that_is_missing_ends_in_one_sentence(tmp_path: Path) -> None:
    """UBP_DELEGATE must name a file; nothing is built instead."""
    missing = tmp_path / "no" / "libubp_delegate.so"
    result = build_wheel(tmp_path, missing)
    assert result.returncode != 0
    assert f"UBP_DELEGATE={missing} is not a file" in result.stdout + result.stderr
    assert not list(tmp_path.glob("*.whl"))
