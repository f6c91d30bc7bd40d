# SPDX-License-Identifier: Apache-2.0
"""Copies of models with other layers in them.

wrapping.py     `prune`: with PrunedLayers
quantizing.py   copies for int8: ranges in the graph, kernels rounded
stripping.py    `strip`: without any of these
copying.py      copies models, nested ones included
containers.py   copies subclassed models and layers that hold layers
"""
