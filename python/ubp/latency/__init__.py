# SPDX-License-Identifier: Apache-2.0
"""How long layers and networks take, measured: what mapping, pruning and conversion plan with.

    model.py      LatencyModel: what was measured where, and what it predicts
    network.py    a network's layers, measured in place: a line over the number of blocks for each N
    shapes.py     layers of any shape, from points measured on a grid of them
    in_place.py   the lines, fitted to the times of steps that may run several layers
    errors.py     how far predictions are from what was measured
    record.py     the JSON file
    picture.py    the plots

Knows numbers only: what measures is in ubp.timing.
"""

from ubp.latency.errors import ErrorSummary, LatencyErrors
from ubp.latency.model import Device, LatencyModel
from ubp.latency.network import Line, MeasuredLayer, MeasuredNetwork, Trial
from ubp.latency.record import read_costs
from ubp.latency.shapes import Point

__all__ = [
    "Device",
    "ErrorSummary",
    "LatencyErrors",
    "LatencyModel",
    "Line",
    "MeasuredLayer",
    "MeasuredNetwork",
    "Point",
    "Trial",
    "read_costs",
]
