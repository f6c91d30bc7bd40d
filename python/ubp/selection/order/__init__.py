# SPDX-License-Identifier: Apache-2.0
"""The order of layers' channels, so that blocks of neighbours keep more importance.

channel_order.py   finds an order, by one of two methods, and says what it keeps
chain.py           each channel is followed by the one that is most like it
hill_climb.py      exchanges channels at many places at once, again and again
readers.py         layers that read the channels in blocks of several lanes
"""
