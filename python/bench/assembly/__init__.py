"""What compilers made of the Arm kernels: the steps of `./run bench arm`.

listing.py   the functions of a library, disassembled
loops.py     the innermost loops of a function
kernels.py   the kernels among the functions, their inner loops, and what these keep in memory
model.py     cycles of a loop on a processor, by llvm-mca
analyse.py   all of it for a library
report.py    everything that is found, as data and as JSON
table.py     the results as rows, for the terminal and for the page
section.py   the section of docs/performance.md
"""
