#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# oclgrind_test.sh VARIANTS FAULTS TEST...: the binaries under Oclgrind, which executes one work-item after the other and writes every
# invalid access and data race to its log, whatever the exit status. VARIANTS and TEST have none; of FAULTS each has its own.
set -euo pipefail

readonly vendor=/usr/lib/oclgrind/liboclgrind-rt-icd.so
readonly log=$TEST_TMPDIR/log output=$TEST_TMPDIR/output

die() {
  echo "$*" >&2
  exit 1
}

[[ -e $vendor ]] || die "there is no $vendor: run './run setup', or install oclgrind"
export OCL_ICD_VENDORS=$vendor OCLGRIND_DATA_RACES=1 OCLGRIND_LOG=$log

# run BINARY FILTER: runs these of its tests, which must pass, and leaves the log.
run() {
  rm -f "$log"
  "$1" "--gtest_filter=$2" >"$output" 2>&1 || die "$1 fails under Oclgrind: $(tail -n 40 "$output")"
  grep -q '^\[  PASSED  \] [1-9]' "$output" || die "$1 has no test $2"
  [[ -e $log ]] || die "$1 did not run on Oclgrind: there is no log"
}

# Takes long, and does nothing else than the others.
readonly long=SparseConvolution.SameBitsForEveryTilePixelsAndRanges
for binary in "$1" "${@:3}"; do
  run "$binary" "-$long"
  [[ ! -s $log ]] || die "Oclgrind found in $binary: $(head -n 40 "$log")"
done

run "$2" PlantedFaults.Race
grep -q 'data race' "$log" || die "Oclgrind did not find the planted race: $(cat "$log")"
run "$2" PlantedFaults.InvalidRead
grep -q 'Invalid read' "$log" || die "Oclgrind did not find the planted invalid read: $(cat "$log")"
