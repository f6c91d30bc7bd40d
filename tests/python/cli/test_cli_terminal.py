# SPDX-License-Identifier: Apache-2.0
"""The command line on terminals: narrow ones, without colours, and what shells complete."""

from __future__ import annotations

import os
import pty
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from rich.console import Console
from rich.table import Table
from test_cli import model  # noqa: F401 - a fixture

from ubp.cli import main
from ubp.reporting.narrow import print_table

_ESCAPE = re.compile(r"\x1b\[([0-9;]*)m")


def on_terminal(*arguments: object, **environment: str) -> str:
    """What `python -m ubp` prints on a terminal."""
    ours, theirs = pty.openpty()
    base = {name: value for name, value in os.environ.items() if name != "NO_COLOR"}
    process = subprocess.Popen(
        [sys.executable, "-m", "ubp", *map(str, arguments)],
        stdout=theirs,
        env={**base, "TERM": "xterm-256color", **environment},
    )
    os.close(theirs)
    text = b""
    try:
        while part := os.read(ours, 1 << 16):
            text += part
    except OSError:  # the other end is closed
        pass
    assert process.wait() in (0, 1)
    os.close(ours)
    return text.decode().replace("\r\n", "\n")


def test_narrow_terminals(model: Path) -> None:  # noqa: F811
    text = _ESCAPE.sub("", on_terminal("inspect", model, COLUMNS="40"))
    assert max(map(len, text.splitlines())) <= 40
    assert "…" not in text
    words = " ".join(text.split())
    assert "layer/w op CONV_2D; weights 64x1x1x64; sparsity 93.8%; N 4; blocks 64;" in words
    assert "delegate take it" in words


def test_narrow_help(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    with pytest.raises(SystemExit):
        main(["verify", "--help"])
    described = capsys.readouterr().out.partition("\n\n")[2].partition("positional")[0]
    assert described.startswith("Compare a converted model with the\n")
    assert max(map(len, described.splitlines())) <= 40
    with pytest.raises(SystemExit):
        main(["--help"])
    assert "  1. 'ubp inspect' shows which layers\n     gain" in capsys.readouterr().out


def test_colours_are_for_those_who_want_them() -> None:
    colours = set(_ESCAPE.findall(on_terminal("doctor", UBP_OPENCL_LIBRARY="/none")))
    assert "32" in colours  # green
    without = on_terminal("doctor", UBP_OPENCL_LIBRARY="/none", NO_COLOR="1")
    assert not [code for code in _ESCAPE.findall(without) if re.search(r"(^|;)[349]\d", code)]


@pytest.mark.parametrize(
    ("width", "lines"),
    [
        (40, ["name   found", "numpy  2.1, which is not the one that"]),
        (20, ["numpy", "  found 2.1, which", "  is not the one"]),
    ],
)
def test_tables_that_do_not_fit_are_lines(
    width: int, lines: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    table = Table("name", box=None, pad_edge=False)
    table.add_column("found", overflow="fold")
    table.add_row("numpy", "2.1, which is not the one that was asked for")
    table.columns[0].no_wrap = True
    print_table(table, Console(width=width))
    printed = [line.rstrip() for line in capsys.readouterr().out.splitlines()]
    assert printed[: len(lines)] == lines


# ---- completion --------------------------------------------------------------------------------

_COMPLETE = r"""
eval "$(ubp completion bash)"
complete -p ubp >&2
COMP_LINE=$1
COMP_POINT=${#COMP_LINE}
COMP_TYPE=9
_python_argcomplete ubp 2>/dev/null
printf '%s\n' "${COMPREPLY[@]}"
"""


def completions(line: str, folder: Path) -> list[str]:
    """What bash offers behind a line, in a folder."""
    program = folder / "bin" / "ubp"
    program.parent.mkdir(exist_ok=True)
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m ubp "$@"\n')
    program.chmod(0o755)
    done = subprocess.run(
        ["bash", "--norc", "-c", _COMPLETE, "bash", line],
        cwd=folder,
        env={
            **os.environ,
            "PATH": f"{program.parent}{os.pathsep}{os.environ['PATH']}",
            "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
        },
        capture_output=True,
        text=True,
        check=True,
    )
    assert "-F _python_argcomplete ubp" in done.stderr
    return [word.strip() for word in done.stdout.splitlines()]


def test_bash_completes_commands_options_and_files(tmp_path: Path) -> None:
    (tmp_path / "sparse.tflite").touch()
    assert completions("ubp con", tmp_path) == ["convert"]
    assert completions("ubp convert --bl", tmp_path) == ["--block-size"]
    assert completions("ubp convert --weights b", tmp_path) == ["bf16"]
    assert completions("ubp convert --costs spa", tmp_path) == ["sparse.tflite"]


@pytest.mark.parametrize(
    ("shell", "said"), [("zsh", "compdef _python_argcomplete ubp"), ("fish", "complete ")]
)
def test_other_shells(shell: str, said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["completion", shell]) == 0
    script = capsys.readouterr().out
    assert said in script and "ubp" in script
    if shutil.which(shell):
        subprocess.run([shell, "-n", "-c", script], check=True)
