# SPDX-License-Identifier: Apache-2.0
"""Random models, files and options against the delegate: `./run fuzz` runs as many as wanted."""
