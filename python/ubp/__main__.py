"""`python -m ubp` is the command `ubp`."""

import sys

from ubp.cli import main

if __name__ == "__main__":
    sys.exit(main())
