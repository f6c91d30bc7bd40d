"""The steps of the benchmark of all families of keras.applications.

zoo.py       the networks, and the two ways their layers are pruned
images.py    what the networks look at
build.py     random weights in random blocks (needs TensorFlow)
cache.py     keeps the .tflite files that build.py leads to
measure.py   size, accuracy of the outputs and speed of one network
report.py    everything that is measured, as data and as JSON
table.py     the results as rows, for the terminal and for the page
picture.py   the results as a picture
section.py   the section of docs/performance.md
"""
