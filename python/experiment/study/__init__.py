"""What experiments share.

recipe.py            how a dense network becomes a pruned one, as data; cells of such recipes
methods.py           the cells of the experiment about methods
combinations.py      the cells of the experiment about recipes
settings.py          what all runs have in common
networks.py          the networks (from here on to worker.py: needs TensorFlow)
training.py          training, testing, statistics of batch normalisation
pruned.py            what a recipe does
worker.py            runs, in a process of their own
runner.py            starts workers for all runs that are missing
store.py, files.py   keeps what is finished
statistics.py        paired intervals
report.py            everything that is found, as data and as JSON
table.py             the results as rows, for the terminal and for the page
picture.py           the results as a picture
section.py           what sections of docs/accuracy.md share
accuracy_section.py  the section about methods
recipes_section.py   the section about recipes
command.py           the command line
"""
