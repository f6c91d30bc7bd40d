# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2154
# Sourced by `run`: fuzzing. graphs, int8 and files are made by generators in python/fuzz; what the targets in tests/fuzz read is made by
# clang's libFuzzer. What is found goes to fuzz_output.

readonly fuzz_targets=(attributes layers options cache import)
readonly fuzz_output=fuzz_output
readonly fuzz_corpus=tests/fuzz/corpus
# A model takes some hundred bytes; what is behind them changes nothing.
declare -rA fuzz_options=([import]="-len_control=0 -max_len=512")
# What reads bytes: most of its lines must be reached by the corpora.
readonly fuzz_readers=(
  delegate/format/{attributes,packed_layer}.cc delegate/format/half.h
  delegate/cache/{weight_cache,weight_file}.cc delegate/weights/cached_blocks.cc delegate/graph/cache_slot.cc delegate/tflite/options.cc
  delegate/tflite/model/{import,claim,packed_ops,node_view,decoded_constants,sparse_encoding}.cc
  delegate/tflite/model/builtin_{ops,layers,transpose_conv,elementwise,shaping}.cc
)

fuzz_usage() {
  cat <<TEXT
usage: ./run fuzz graphs|int8|files [ARGUMENT...]        random graphs, of float32 or int8, and models with something wrong in them
       ./run fuzz TARGET [--minutes M] [ARGUMENT...]     libFuzzer, from the target's corpus on; ARGUMENTs are libFuzzer's
       ./run fuzz TARGET FILE...                         one input after the other, as saved by an earlier run
       ./run fuzz TARGET --merge                         adds to the committed corpus what earlier runs have found and reaches more
       ./run fuzz coverage                               the lines of the readers that the committed corpora reach

TARGET is one of: ${fuzz_targets[*]}
TEXT
}

missing_fuzz_packages() {
  local clang_lib
  type -P clang >/dev/null || echo clang
  clang_lib=$(clang -print-file-name=lib 2>/dev/null || true)/linux
  compgen -G "$clang_lib/libclang_rt.fuzzer-*.a" >/dev/null || echo libclang-rt-dev
  type -P llvm-cov >/dev/null || echo llvm
}

missing_fuzz_downloads() { :; }
fetch_fuzz() { :; }

fuzz() {
  local name=${1:-}
  case $name in
    graphs | int8 | files)
      setup
      exec "$python" -m "fuzz.$name" "${@:2}"
      ;;
    coverage) fuzz_coverage ;;
    '' | help | --help | -h) fuzz_usage ;;
    *)
      [[ " ${fuzz_targets[*]} " == *" $name "* ]] ||
        die "there is no fuzz target '$name'; there is: graphs int8 files ${fuzz_targets[*]}"
      get_ready "./run fuzz" build fuzz
      fuzz_target "$@"
      ;;
  esac
}

# fuzz_target NAME [--merge | FILE... | [--minutes M] ARGUMENT...]
fuzz_target() {
  local name=$1 minutes=1 output=$fuzz_output/$1 program=$fuzz_output/bin/$1 status=0
  shift
  build_and_install "tests/fuzz/${name}_fuzzer" "$program" --config=fuzz
  mkdir -p "$output/corpus" "$fuzz_corpus/$name"
  if [[ ${1:-} == --merge ]]; then
    merge_corpus "$name"
    return
  fi
  if [[ -e ${1:-} ]]; then
    exec "$program" "$@"
  fi
  if [[ ${1:-} == --minutes ]]; then
    [[ ${2:-} =~ ^[0-9]+$ ]] || die "--minutes is '${2:-}', expected a whole number"
    minutes=$2
    shift 2
  fi
  # The first corpus is the one that is written to.
  # shellcheck disable=SC2086
  run_fuzzer "$program" "-artifact_prefix=$output/" "-max_total_time=$((60 * minutes))" -print_final_stats=1 -timeout=60 \
    ${fuzz_options[$name]:-} "$@" "$output/corpus" "$fuzz_corpus/$name" || status=$?
  ((status == 0)) || report_finding "$name" "$status"
}

# run_fuzzer PROGRAM ARGUMENT...: with temporary files in memory, where that is possible.
run_fuzzer() {
  local memory=/dev/shm status=0 directory
  [[ -w $memory ]] || memory=${TMPDIR:-/tmp}
  directory=$(mktemp -d "$memory/ubp_fuzz.XXXXXX")
  # Of what the delegate says of the models that it is given, nothing is of interest.
  TEST_TMPDIR=$directory "$@" 2>&1 | grep --line-buffered -v '^UBP delegate: ' || status=${PIPESTATUS[0]}
  rm -rf "$directory"
  return "$status"
}

# report_finding NAME STATUS: the newest input saved, and how to run it again.
report_finding() {
  local newest=
  newest=$(find "$fuzz_output/$1" -maxdepth 1 -type f ! -name '*.txt' -printf '%T@ %p\n' | sort -n | tail -n 1 | cut -d' ' -f2-)
  [[ -n $newest ]] || die "libFuzzer ended with status $2 and has saved no input"
  echo "./run fuzz $1 $newest" >"$newest.txt"
  die "a finding, saved as $newest; to repeat it: ./run fuzz $1 $newest"
}

# Inputs of fuzz_output that reach what those of the committed corpus do not.
merge_corpus() {
  local before after
  before=$(find "$fuzz_corpus/$1" -type f | wc -l)
  run_fuzzer "$fuzz_output/bin/$1" -merge=1 "$fuzz_corpus/$1" "$fuzz_output/$1/corpus"
  after=$(find "$fuzz_corpus/$1" -type f | wc -l)
  echo "$fuzz_corpus/$1: $after inputs, $((after - before)) new; all corpora: $(du -sh --apparent-size "$fuzz_corpus" | cut -f1)"
}

fuzz_coverage() {
  local bazel target programs=() directory=$fuzz_output/coverage objects=() arguments
  get_ready "./run fuzz" build fuzz
  bazel=$(need_bazel)
  for target in "${fuzz_targets[@]}"; do programs+=("//tests/fuzz:${target}_replay_test"); done
  logged bazel-coverage "building the targets to measure coverage" "$bazel" build --config=fuzz_coverage "${programs[@]}"
  rm -rf "$directory"
  mkdir -p "$directory"
  for target in "${fuzz_targets[@]}"; do
    install_built "tests/fuzz/${target}_replay_test" "$directory/$target" --config=fuzz_coverage
    LLVM_PROFILE_FILE=$directory/$target.profraw run_fuzzer "$directory/$target" "$fuzz_corpus/$target" >"$directory/$target.log"
    objects+=(-object "$directory/$target")
  done
  llvm-profdata merge -o "$directory/all.profdata" "$directory"/*.profraw
  # The first program has no -object in front of it; Bazel compiles in /proc/self/cwd.
  arguments=("${objects[@]:1}" "-instr-profile=$directory/all.profdata" "${fuzz_readers[@]/#//proc/self/cwd/}")
  llvm-cov show "${arguments[@]}" >"$directory/lines.txt"
  llvm-cov export -summary-only "${arguments[@]}" >"$directory/summary.json"
  echo "line by line: $directory/lines.txt"
  "$python" -m fuzz.coverage "$directory/summary.json"
}
