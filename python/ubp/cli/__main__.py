# SPDX-License-Identifier: Apache-2.0
"""`python -m ubp.cli` is the command `ubp`."""

import sys

from ubp.cli.program import main

if __name__ == "__main__":
    sys.exit(main())
