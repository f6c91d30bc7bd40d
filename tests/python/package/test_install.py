# SPDX-License-Identifier: Apache-2.0
"""An installed package works outside the checkout: the wheel carries the libraries."""

import fcntl
import os
import subprocess
import sys
import tomllib
import zipfile
from importlib import metadata
from pathlib import Path

import pytest
from file_walks import one_convolution
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[3]
PACKAGE = ROOT / "python" / "ubp"
LIBRARIES = PACKAGE / "lib"
DELEGATE = LIBRARIES / "libubp_delegate.so"
SELECTION = LIBRARIES / "libubp_selection.so"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]

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
    with (ROOT / "setup.py").open() as alone:  # all builds use the checkout's folder `build`
        fcntl.flock(alone, fcntl.LOCK_EX)
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


def test_wheel_is_as_it_should_be(wheel: Path) -> None:
    done = subprocess.run(
        [sys.executable, ROOT / "tools" / "check_wheel.py", wheel], capture_output=True, text=True
    )
    assert (done.returncode, done.stdout) == (0, f"{wheel.name}: as it should be\n")


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
    assert {"ubp/constants.json", "ubp/reporting/templates/report.html"} <= set(names)
    modules = {path.relative_to(ROOT / "python").as_posix() for path in PACKAGE.rglob("*.py")}
    assert modules == {name for name in names if name.endswith(".py")}
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


def distributions(requirements: list[str], extra: str = "") -> set[str]:
    """The distributions that requirements lead to, of those that are installed here."""
    found: set[str] = set()
    rest = [Requirement(each) for each in requirements]
    while rest:
        requirement = rest.pop()
        name = canonicalize_name(requirement.name)
        wanted = requirement.marker is None or requirement.marker.evaluate({"extra": extra})
        if not wanted or name in found:
            continue
        found.add(name)
        rest += [Requirement(each) for each in metadata.requires(name) or []]
    return found


def link_packages(names: set[str], folder: Path) -> None:
    """Fills a folder with links to what these distributions have installed."""
    folder.mkdir()
    for name in names:
        for file in metadata.files(name) or []:
            top = file.parts[0]
            if top != ".." and not (folder / top).exists():
                (folder / top).symlink_to(metadata.distribution(name).locate_file(top))


def test_commands_of_an_installed_package_need_the_runtime_dependencies_only(
    wheel: Path, tmp_path: Path
) -> None:
    """Neither TensorFlow nor the checkout is there; the page needs the extra `report`."""
    site = tmp_path / "site"
    installed = pip("install", wheel, "--no-deps", "--target", site)
    assert installed.returncode == 0, installed.stdout + installed.stderr
    requirements = PROJECT["dependencies"]
    link_packages(distributions(requirements), tmp_path / "runtime")
    extra = PROJECT["optional-dependencies"]["report"]
    link_packages(distributions([*requirements, *extra]), tmp_path / "report")
    (tmp_path / "dense.tflite").write_bytes(one_convolution())

    def run(packages: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        environment = {k: v for k, v in os.environ.items() if k != "UBP_DELEGATE"}
        return subprocess.run(
            [sys.executable, "-S", "-m", "ubp", *arguments],
            cwd=tmp_path,
            env={**environment, "PYTHONPATH": os.pathsep.join([str(site), packages])},
            capture_output=True,
            text=True,
            check=False,
        )

    for arguments in (
        ("--help",),
        ("convert", "dense.tflite", "-o", "sparse.tflite", "--verify", "--report", "sparse.json"),
        ("inspect", "sparse.tflite"),
        ("benchmark", "sparse.tflite", "--against", "dense.tflite", "--rounds", "1"),
        ("unpack", "sparse.tflite", "-o", "back.tflite"),
    ):
        done = run("runtime", *arguments)
        assert done.returncode == 0, done.stderr
    assert not (tmp_path / "runtime" / "tensorflow").exists()
    page = ("convert", "dense.tflite", "-o", "again.tflite", "--report", "page.html")
    refused = run("runtime", *page)
    assert refused.returncode == 3
    assert "install it with 'pip install \"matplotlib>=" in refused.stderr
    done = run("report", *page)
    assert done.returncode == 0, done.stderr
    assert "<html" in (tmp_path / "page.html").read_text()


def test_a_prebuilt_delegate_that_is_missing_ends_in_one_sentence(tmp_path: Path) -> None:
    """UBP_DELEGATE must name a file; nothing is built instead."""
    missing = tmp_path / "no" / "libubp_delegate.so"
    result = build_wheel(tmp_path, missing)
    assert result.returncode != 0
    assert f"UBP_DELEGATE={missing} is not a file" in result.stdout + result.stderr
    assert not list(tmp_path.glob("*.whl"))
