# SPDX-License-Identifier: Apache-2.0
"""What Keras has to know of the settings in `ubp.masking`, and one that is Keras's alone.

registered.py       lets Keras load them with a model; done as soon as this is imported
penalty.py          the penalty of a schedule that regularises, as Keras's regulariser
quantize_aware.py   QuantizeAware: how a model trains for int8
"""

from ubp.pruning.settings.registered import REGISTERED

__all__ = ["REGISTERED"]
