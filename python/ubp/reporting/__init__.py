"""Every table, page and JSON file that shows results; nothing is measured or decided here.

layer_tables.py  a conversion's layers in the terminal
conversion.py    a conversion as a page (templates/report.html), or as JSON
run_tables.py    what the delegate takes, timings, profiles, costs and verifications in the terminal
timings.py       the rows of a benchmark: as a table, JSON and comma-separated values
"""
