# SPDX-License-Identifier: Apache-2.0
"""Load: whatever the user has, as the bytes of an ordinary float .tflite model.

loader.py          Keras models, paths and bytes
keras_converter.py TensorFlow's converter, in the shortest way that a Keras model allows
files.py           what kind of model a path leads to, and the bytes of a .tflite
keras_files.py     .keras and .h5 files
keras_packages.py  TensorFlow, Keras 3 and tf_keras, imported when they are needed
other_backends.py  models of Keras on JAX or PyTorch, by way of a process on TensorFlow
layer_names.py     which Keras layer each weights tensor comes from
refused.py         wrappers and code that a model may not have
"""
