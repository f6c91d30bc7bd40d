# SPDX-License-Identifier: Apache-2.0
"""Every table, page and JSON file that shows results; nothing is measured or decided here.

tables.py      for the terminal: layers, decisions, profiles, costs, verifications
timings.py     the rows of a benchmark: as a table, JSON and comma-separated values
devices.py     the processors that models can run on, and as JSON
structure.py   the blocks that one layer's weights lie in, and their picture
conversion.py  a conversion as a page (templates/report.html), or as JSON
"""
