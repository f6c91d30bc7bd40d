#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
echo "bazel coverage needs a Bazel that can download its coverage tools; --config=offline has none." >&2
exit 1
