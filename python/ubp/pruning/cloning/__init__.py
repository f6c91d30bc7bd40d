"""Copies of models with other layers in them.

wrapping.py     `prune` and `strip`: with PrunedLayers, and without
copying.py      copies models, nested ones included
containers.py   copies subclassed models and layers that hold layers
"""
