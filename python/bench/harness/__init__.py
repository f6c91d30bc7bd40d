# SPDX-License-Identifier: Apache-2.0
"""What benchmarks, experiments and the demo share.

command.py      what `./run bench NAME` and `./run experiment NAME` do whatever NAME is
results.py      the folder that they write; reports as data and as JSON
page.py         the pages in docs/ that they write a section of, from a template beside them
table.py        tables, for the terminal and in Markdown
picture.py      colours and bars
statistics.py   measuring in turns, spreads and intervals
machine.py      where and with what something was measured
networks.py     the networks of keras.applications that several benchmarks measure
pruned.py       these with random weights, pruned, as files
operators.py    models operator by operator
program.py      the program that times single layers and loops
cache.py        keeps files that take long to make
child.py        a child process that answers requests
quiet.py        keeps TensorFlow's notes off the screen
"""
