# SPDX-License-Identifier: Apache-2.0
"""Whether a converted model computes what the dense one does.

samples.py       the inputs that models are compared, or timed, on: given or random
verification.py  both models run by turns, and their outputs compared
"""

from ubp.check.verification import Verification, verify

__all__ = ["Verification", "verify"]
