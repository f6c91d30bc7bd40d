# SPDX-License-Identifier: Apache-2.0
"""TensorFlow Lite files as such: their bytes, their object tree, and what stands in it.

    flatbuffer.py        a file's bytes <-> the schema's object tree, checked
    constant_tensors.py  the values of constants, decoded where the graph decodes them
    sparse_encoding.py   the storage of sparse constants, read
    unused.py            constants that nothing refers to any more, taken away
    lookups.py           how large the integers may be that a graph looks up
    single_operator.py   models of one operator, cut out of a network or made of weights
    part.py              some operators of a graph as a model of its own
    archive.py           the zip that may stand behind the flatbuffer

Nothing here knows anything of UBP.
"""
