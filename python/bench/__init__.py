# SPDX-License-Identifier: Apache-2.0
"""Benchmarks: `./run bench NAME`, or `python -m bench.NAME`.

A folder with a __main__.py and a template section.md.j2, of its section of docs/performance.md, is
a benchmark. It imports harness/, which experiments and the demo share, and no other benchmark.

Not part of the installed package.
"""
