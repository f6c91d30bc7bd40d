"""The layers of a model: which can be pruned, which are, and what a pruned one is.

prunable.py        which weights of which kinds of layers can be pruned
walking.py         the layers in a model, whatever it is made of
choice.py          the caller's choice of layers -> layers and their settings
pruned_layer.py    PrunedLayer: a layer, its kernels and its count of training steps
pruned_kernel.py   a kernel and its mask, and what an update did to it
saved_last.py      tells a layer that Keras has saved it
replicas.py        what is to be known of tf.distribute
overview.py        prints which layers are or would be pruned, and why others not
"""
