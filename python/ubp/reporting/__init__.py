# SPDX-License-Identifier: Apache-2.0
"""Every table, page and JSON file that shows results; nothing is measured or decided here.

tables.py      for the terminal: layers, decisions, profiles, costs, verifications
narrow.py      tables where the terminal is too narrow for them
timings.py     the rows of a benchmark: as a table and comma-separated values
devices.py     the processors that models can run on, for the terminal
latency.py     latency models, for the terminal
pruning.py     what pruning a .tflite file did, for the terminal
structure.py   the blocks that one layer's weights lie in
structure_picture.py
               their picture
conversion.py  a conversion as a page (templates/report.html), or as JSON
mapping.py     a mapping as a page (templates/mapping.html)
pages.py       pages made of the templates
"""
