"""`ubp.convert` is the function, however and in whatever order its modules are imported."""

import subprocess
import sys

import pytest


@pytest.mark.parametrize(
    "statements",
    [
        "import ubp; ubp.convert; from ubp.convert.cover import cover_lanes",
        "import ubp; from ubp.convert.cover import cover_lanes",
        "from ubp.convert.cover import cover_lanes; import ubp",
        "import ubp.convert; import ubp.convert.decide; import ubp",
        "import importlib, ubp; importlib.import_module('ubp.convert.find')",
        "import ubp.convert.report; from ubp import convert; import ubp; ubp.convert = convert",
    ],
)
def test_the_function_is_never_hidden_by_its_package(statements: str) -> None:
    check = (
        "from ubp.convert import convert as function\n"
        "assert ubp.convert is function and callable(function)\n"
        "from ubp import convert\n"
        "assert convert is function"
    )
    code = f"{statements}\n{check}"
    command = [sys.executable, "-W", "error", "-c", code]
    environment = {"PYTHONPATH": ":".join(path for path in sys.path if path)}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == 0, done.stderr
