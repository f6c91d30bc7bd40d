# SPDX-License-Identifier: Apache-2.0
"""The main job from beginning to end, on real data: `python -m demo`, or `./run demo`.

    settings.py    how much work the full and the quick demo do
    output.py      the folder that the demo writes, and the names in it that are its own
    quiet.py       keeps TensorFlow's start-up notes off the screen
    digits.py      the scans of handwritten digits, and the network that reads them
    training.py    dense training; pruning while training, with ubp.prune
    mobilenet.py   MobileNet with random weights, pruned in one shot
    conversion.py  Keras model -> .tflite files, verified through the interpreter
    measure.py     accuracy and latency through the interpreter
    layers.py      the latency of single layers, each cut out into a model of its own
    table.py       the table of results
    picture.py     the picture of results
    __main__.py    the command line, and the steps in their order

Not part of the installed package.
"""
