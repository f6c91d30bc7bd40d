# SPDX-License-Identifier: Apache-2.0
"""The layers of a model: which can be pruned, which are, and what a pruned one is.

prunable.py        which weights of which kinds of layers can be pruned
walking.py         the layers in a model, whatever it is made of
calls.py           which operation of a model is called on which tensors
choice.py          the caller's choice of layers -> layers and their settings
given.py           the caller's masks -> a mask of each kernel
pruned_layer.py    PrunedLayer: a layer, its kernels and its count of training steps
pruned_kernel.py   a kernel and its mask, and what an update did to it
substitution.py    calls of a layer with other values in place of its weights
rounding.py        kernels as int8 holds them
quantized_layer.py QuantizedLayer: a layer that sees its kernel so
fake_quantization.py  the same for what passes between layers: LearnedRange, FakeQuantize
tensor_ranges.py   which tensors int8 needs ranges of
saved_last.py      tells a layer that Keras has saved it
observation.py     gradients observed as they pass, by the means of each backend of Keras
replicas.py        what is to be known of tf.distribute
overview.py        prints which layers are or would be pruned, and why others not
"""
