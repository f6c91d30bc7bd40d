"""Conversion: a model's zeros in, the same model with packed block-sparse layers out.

load > find > cover > decide > pack > rewrite > verify > report, one file each; converter.py runs
them in that order and holds the public function. load.py reads paths through files.py, and models
of Keras through keras_files.py, untrusted.py, wrappers.py and frameworks.py. This package
knows TFLite and nothing of training.
"""

from ubp.convert.converter import ConversionResult, convert

__all__ = ["ConversionResult", "convert"]
