"""The steps of the benchmark of whole networks.

zoo.py       the networks
build.py     random weights, pruning in one shot, the ordinary .tflite file (needs TensorFlow)
cache.py     keeps what build.py made
measure.py   accuracy of the outputs, memory and speed of one network
memory.py    resident memory, in a process of its own
report.py    everything that is measured, as data and as JSON
table.py     the results as rows, for the terminal and for the page
picture.py   the results as a picture
section.py   the section of docs/performance.md
"""
