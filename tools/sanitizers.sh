# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2154
# Sourced by `run`: the tests under GCC's sanitizers, .bazelrc's configurations `sanitize` (address and undefined behaviour) and
# `tsan` (threads). Benchmarks and the libraries that no test needs are not built.

readonly sanitized=.deps/sanitized

# The C++ tests, and the delegate that tests/end_to_end/test_e2e_sanitized.py loads into the standard interpreter.
sanitized_cpp_tests() {
  local target=//delegate/tflite:libubp_delegate.so
  echo "C++ tests under the address and undefined-behaviour sanitizers"
  "$(find_bazel)" test --config=sanitize --build_tests_only //tests/...
  logged bazel-sanitize "building ${target#*:} with these sanitizers" "$(find_bazel)" build --config=sanitize "$target"
  install_built delegate/tflite/libubp_delegate.so "$sanitized/libubp_delegate.so" --config=sanitize
}

thread_sanitized_cpp_tests() {
  echo "C++ tests under the thread sanitizer"
  "$(find_bazel)" test --config=tsan --build_tests_only //tests/...
}
