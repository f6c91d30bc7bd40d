# SPDX-License-Identifier: Apache-2.0
"""Data: the inputs of some hundred samples, for what learns from them without labels.

    inputs.py         what a model takes
    preprocessing.py  the values that a model takes for the pixels of a picture
    pictures.py       pictures, from their files
    files.py          .npy and .npz files
    columns.py        arrays of samples, in memory or on the disk, read some at a time
    streams.py        iterables of batches, kept on the disk
    damaged.py        what reading a damaged file raises
    checks.py         samples too few, all alike or not finite; errors relative to the variance
    suspicions.py     values of the wrong scale
    samples.py        `read_samples`: whatever a user has, checked; `Samples`, batch after batch

Knows arrays, and nothing of Keras or TFLite.
"""

from ubp.data.inputs import Input
from ubp.data.preprocessing import PREPROCESSINGS, Preprocessing
from ubp.data.samples import Samples, read_samples

__all__ = ["PREPROCESSINGS", "Input", "Preprocessing", "Samples", "read_samples"]
