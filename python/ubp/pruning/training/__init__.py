# SPDX-License-Identifier: Apache-2.0
"""What happens during `fit`, and instead of it.

callbacks.py       UpdatePruning: drives the PrunedLayers
summaries.py       PruningSummaries: writes what the updates did for TensorBoard
recalibration.py   `recalibrate_batch_norm`
compiled_calls.py  whether a backend of Keras compiles the code that runs
"""
