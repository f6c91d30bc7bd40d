# SPDX-License-Identifier: Apache-2.0
"""Experiments: `./run experiment NAME`, or `python -m experiment.NAME`.

A folder with a __main__.py and a template section.md.j2, of its section of docs/accuracy.md, is an
experiment. The others:

    strokes/    the task: pictures that are generated
    study/      what experiments share, beside bench/harness/

Not part of the installed package.
"""
