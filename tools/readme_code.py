# SPDX-License-Identifier: Apache-2.0
"""Prints code of README.md, so that it can be run as it stands.

python3 tools/readme_code.py README.md python         the blocks in Python
python3 tools/readme_code.py README.md "pip install"  the lines of other blocks that begin so
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

_BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def code_of(text: str, wanted: str) -> str:
    """The code, or nothing where there is none.

    Args:
        text: of the page.
        wanted: "python", or how lines begin.
    """
    blocks = _BLOCK.findall(text)
    if wanted == "python":
        return "\n".join(code for language, code in blocks if language == "python")
    lines = [line for language, code in blocks if language != "python" for line in code.split("\n")]
    return "".join(f"{line}\n" for line in lines if line.startswith(wanted))


if __name__ == "__main__":
    page, wanted = sys.argv[1:]
    code = code_of(Path(page).read_text("utf-8"), wanted)
    if not code:
        sys.exit(f"{page} has no such code: {wanted}")
    print(code, end="")
