# SPDX-License-Identifier: Apache-2.0
"""Int8 .tflite files of Keras models, pruned or not, whose zeros stay zeros.

    source.py       the Keras model, checked, and what it takes
    calibration.py  the ranges of a model of which some layers stay float, measured
    converting.py   TensorFlow's converter, and what it is told
    boundaries.py   the casts that kept layers float, taken out of the file
    weights.py      the weights of the file against those of the float file: zeros above all
    result.py       what comes out, as data
    quantizer.py    `quantize`: all of this

Knows Keras and TFLite. Training for int8 is in `ubp.pruning`.
"""

from ubp.quantization.quantizer import quantize
from ubp.quantization.result import QuantizedFile, QuantizedWeights

__all__ = ["QuantizedFile", "QuantizedWeights", "quantize"]
