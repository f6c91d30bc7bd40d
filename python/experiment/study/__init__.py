# SPDX-License-Identifier: Apache-2.0
"""What experiments share.

recipe.py     how a dense network becomes a pruned one, as data; cells of such recipes
settings.py   what all runs have in common
networks.py   the networks (from here on to worker.py: needs TensorFlow)
training.py   training, testing, statistics of batch normalisation
pruned.py     what a recipe does
int8.py       int8 files, and how good they are
latency.py    how long networks take in the interpreter, and with how many zeros
worker.py     runs, in a process of their own
runner.py     starts workers for all runs that are missing
store.py      keeps what is finished
equal_latency.py  cells of recipes that take equally long
report.py     everything that is found, as data and as rows of tables
command.py    the command line
"""
