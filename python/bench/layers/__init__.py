"""The steps of the benchmark of single convolution layers.

shapes.py    the layers: every distinct shape of the networks
weights.py   random block-sparse weights of a layer, as files
program.py   the C++ program that runs them through the delegate's kernels
dense.py     the same layer, dense, in XNNPACK
measure.py   all of it, interleaved
report.py    everything that is measured, as data and as JSON
summary.py   what the results say as a whole
table.py     the results as rows, for the terminal and for the page
picture.py   the results as a picture
section.py   the section of docs/performance.md
"""
