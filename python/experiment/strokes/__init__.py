# SPDX-License-Identifier: Apache-2.0
"""The task: which of 32 shapes of strokes does a small, distorted, noisy picture show?

shapes.py   the 32 shapes
scene.py    the nuisances of a batch of pictures, drawn at random: geometry and look
render.py   from a scene to pixels
dataset.py  training and test pictures, kept in a file
"""
