# SPDX-License-Identifier: Apache-2.0
"""Finding and loading the delegate's library: what is said when something is wrong."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import ubp
from ubp.runtime import delegate


def test_the_environment_variable_comes_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    library = tmp_path / "other.so"
    library.touch()
    monkeypatch.setenv("UBP_DELEGATE", str(library))
    assert ubp.delegate_path() == str(library)


def test_a_wrong_environment_variable_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("UBP_DELEGATE", str(tmp_path / "nowhere.so"))
    with pytest.raises(FileNotFoundError, match=r"UBP_DELEGATE names .*nowhere\.so"):
        ubp.delegate_path()


def test_the_package_carries_the_library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    packaged = tmp_path / "libubp_delegate.so"
    monkeypatch.delenv("UBP_DELEGATE", raising=False)
    monkeypatch.setattr(delegate, "_PACKAGED", packaged)
    with pytest.raises(FileNotFoundError, match=r"does not exist; run '\./run setup'"):
        ubp.delegate_path()
    packaged.touch()
    assert ubp.delegate_path() == str(packaged)


def test_where_the_build_puts_it(monkeypatch: pytest.MonkeyPatch) -> None:
    package = Path(ubp.__file__).parent
    assert package / "lib" / "libubp_delegate.so" == delegate._PACKAGED


def test_options_are_passed_as_text_and_refusals_in_the_delegates_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[Any] = []

    def refuse(path: str, options: dict[str, str]) -> None:
        seen.append((path, options))
        raise ValueError(f"Failed to load delegate from {path}\nthe option is not liked.")

    monkeypatch.setattr(delegate.ctypes, "CDLL", lambda path: None)
    monkeypatch.setattr(delegate, "load_external_delegate", refuse)
    library = tmp_path / "libubp_delegate.so"
    library.touch()
    monkeypatch.setenv("UBP_DELEGATE", str(library))
    with pytest.raises(ValueError, match=r"^the option is not liked\.$"):
        ubp.load_delegate(num_threads=2, log="info")
    assert seen == [(str(library), {"num_threads": "2", "log": "info"})]


def test_a_file_that_is_no_library_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    library = tmp_path / "libubp_delegate.so"
    library.write_text("not a library")
    monkeypatch.setenv("UBP_DELEGATE", str(library))
    with pytest.raises(OSError, match=r"libubp_delegate\.so cannot be loaded as the UBP delegate"):
        ubp.load_delegate()


def test_a_missing_model_is_named(tmp_path: Path) -> None:
    for path in (tmp_path / "m.tflite", str(tmp_path / "m.tflite")):
        with pytest.raises(FileNotFoundError, match=r"m\.tflite: no such file"):
            ubp.Interpreter(path)
