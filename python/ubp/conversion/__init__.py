# SPDX-License-Identifier: Apache-2.0
"""Conversion: a model's zeros in, the same model with packed block-sparse layers out.

load > find > cover > decide > pack > rewrite, a file each (load is a folder); converter.py runs
them in that order and holds the public function.

    load/            whatever the user has, as the bytes of an ordinary float .tflite file
    open_sizes.py    the shapes of tensors whose sizes the file leaves open
    find.py          every layer with weights, as [lanes, channels], or why it must stay
    candidates.py    what converting an operator needs, or why it cannot be; it reads
                     operator_view.py (an operator in its model) and output_shape.py
    transposed.py    a transposed convolution as one in blocks, and back
    cover.py         its non-zeros, covered with blocks
    stored_types.py  as what weights are stored, and weights made int8
    decide.py        which layers become block-sparse, with which blocks, and why not
    whole.py         whether the network gains by all of them, where it was measured in place
    pack.py          their blocks, as bytes
    rewrite.py       the model, changed; and channel_scales.py, what int8 tensors need not keep
    layer_report.py  what became of each layer, as data
    unpacking.py     the way back

This package knows TFLite, and nothing of training, checking, timing and reporting.
"""

from ubp.conversion.converter import ConversionResult, convert
from ubp.conversion.unpacking import unpack

__all__ = ["ConversionResult", "convert", "unpack"]
