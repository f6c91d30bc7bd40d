# SPDX-License-Identifier: Apache-2.0
"""The blocks of one layer: `select_blocks`.

    select.py         checks the arguments, counts the blocks, asks one of two forms of the same:
                      the native core (../native), or
    numpy_form.py     the NumPy form, whose steps are
    quantised.py      importance -> integer elements and block scores
    lane_program.py   the best blocks of each lane when every block costs the same penalty
    dual.py           the penalty at which m blocks pay: the dual optimum, and so the certificate
    aligned.py, greedy.py, bed.py, optimal.py       one method each
    balanced.py       a cap on the blocks per start channel, if one is asked for
    raised.py         such a cap, raised to what the blocks need
    kernel_patterns.py  in place of blocks: patterns of taps that kernels share
    result.py         Selection, what the caller gets

**Ties.** Both forms, on every instruction set and with any number of threads, give the same of
several selections that are equally good in integer scores:

    aligned, greedy, bed   of equal gains, those in the first lanes, then at the first channels
    optimal                each lane has, of its best sets of so many blocks, the one that leaves a
                           channel out wherever possible, as seen from the lane's end; if lanes are
                           equally good with another number of blocks, the first lanes (and in one
                           lane the first channels) get the larger number
"""
