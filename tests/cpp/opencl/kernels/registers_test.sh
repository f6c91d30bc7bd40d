#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# registers_test.sh SCRIPT LIST_KERNELS: no kernel needs more registers than it may, nor reads more often; SCRIPT says which.
set -euo pipefail
python3 "$1" "$2"
