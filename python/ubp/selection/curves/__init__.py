# SPDX-License-Identifier: Apache-2.0
"""What each layer keeps of its importance at which density: `tradeoff_curves`.

trade_off.py   makes the curves, TradeoffCurves and TradeoffCurve
picture.py     draws them
"""
