# SPDX-License-Identifier: Apache-2.0
"""ubp completion: what a shell needs to complete commands, options and files."""

from __future__ import annotations

import argparse
from typing import Any

from ubp.cli.outcome import Outcome
from ubp.cli.shared import add_command
from ubp.extras import extra_needed

_SHELLS = ("bash", "zsh", "fish")


def run(options: argparse.Namespace) -> Outcome:
    """Make the script."""
    with extra_needed("ubp completion"):
        from argcomplete.shell_integration import shellcode

    script = shellcode(["ubp"], shell=options.shell)
    return Outcome(
        {"shell": options.shell, "script": script}, lambda console: print(script.strip())
    )


def add(commands: Any) -> None:
    """Add the command."""
    parser = add_command(
        commands,
        "completion",
        run,
        "print a script with which a shell completes commands, options and files.\n\n"
        "Put the line of your shell below into its start-up file: ~/.bashrc, ~/.zshrc behind\n"
        "'autoload -U compinit; compinit', or ~/.config/fish/config.fish.",
        "  ubp completion fish | source\n"
        '  eval "$(ubp completion bash)"\n'
        '  eval "$(ubp completion zsh)"',
    )
    parser.add_argument("shell", choices=_SHELLS, help="the shell that you use")
