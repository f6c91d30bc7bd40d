# SPDX-License-Identifier: Apache-2.0
"""What the converter and the delegate have to agree on: constants.json, read.

    FORMAT      the packed format: docs/packed-format.md
    COSTS       what predictions are made with: docs/converter.md
    OPEN_SIZES  what inputs have where the model leaves sizes open

tools/constants_header.py makes the delegate's header of the same file.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

_SHARED: dict[str, Any] = json.loads(Path(__file__).with_suffix(".json").read_text("utf-8"))

FORMAT: dict[str, Any] = _SHARED["format"]
COSTS: dict[str, Any] = _SHARED["costs"]
OPEN_SIZES: dict[str, int] = _SHARED["open_sizes"]
