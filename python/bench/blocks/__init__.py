"""The steps of the benchmark of block selection.

layers.py       the weights that blocks are selected from
peers.py        textbook forms in C++: BED with one heap, and the dynamic programme
contenders.py   everything that is timed
measure.py      all contenders of one case, taking turns
report.py       the results as data
targets.py      the project's targets
table.py, section.py, picture.py      what is shown
"""
