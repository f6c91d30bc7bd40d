# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2154
# Sourced by `run`: tests on Arm code where this machine is an x86-64 one. qemu-user executes the C++ tests that the cross compiler
# makes, and a Python with the standard interpreter: Debian's arm64 packages and the aarch64 wheels, unpacked in .deps/aarch64.

readonly aarch64=.deps/aarch64
readonly aarch64_packages=(python3-minimal libpython3-stdlib libstdc++6)

# Elsewhere there is nothing to emulate: an aarch64 machine runs the ordinary tests on Arm code.
emulates_aarch64() {
  [[ $(uname -s) == Linux && $(uname -m) == x86_64 ]]
}

missing_aarch64_packages() {
  emulates_aarch64 || return 0
  type -P aarch64-linux-gnu-g++ >/dev/null || echo g++-aarch64-linux-gnu
  type -P qemu-aarch64-static >/dev/null || echo qemu-user-static
}

missing_aarch64_downloads() {
  ! emulates_aarch64 || aarch64_python_installed ||
    echo "a Python for aarch64 with the standard interpreter: Debian's arm64 packages and wheels, into $aarch64"
}

fetch_aarch64() {
  ! emulates_aarch64 || aarch64_python_installed || install_aarch64_python
}

# Prints what the Python package depends on, in the versions of .venv.
python_dependencies() {
  "$python" - <<'PROGRAM'
import importlib.metadata
import re
import tomllib

with open("pyproject.toml", "rb") as file:
    for requirement in tomllib.load(file)["project"]["dependencies"]:
        name = re.match(r"[\w.-]+", requirement)[0]
        print(f"{name}=={importlib.metadata.version(name)}")
PROGRAM
}

# The stamp holds what the installation depends on; it is written last, so that an interrupted one is done again.
readonly aarch64_stamp=$aarch64/installed

aarch64_python_state() {
  python_dependencies | cat - tools/aarch64.sh | sha256sum
}

aarch64_python_installed() {
  python_packages_installed && [[ -e $aarch64_stamp && $(<"$aarch64_stamp") == "$(aarch64_python_state)" ]]
}

install_aarch64_python() {
  type -P apt-get dpkg-deb >/dev/null ||
    die "the tests on Arm code get their Python from Debian's arm64 packages, and there is no apt-get here: run './run test --fast', which leaves them out"
  rm -rf "$aarch64"
  logged aarch64-packages "getting Debian's Python for arm64" unpack_aarch64_packages
  # shellcheck disable=SC2046
  logged aarch64-wheels "getting ai-edge-litert and other wheels for aarch64" install_aarch64_wheels $(python_dependencies)
  write_aarch64_python
  aarch64_python_state >"$aarch64_stamp"
}

# Unpacks Python and all it needs into root/. apt works on a state of its own, as if nothing were installed on an arm64 machine,
# and the system's package sources; neither this machine's packages nor root's rights are touched.
unpack_aarch64_packages() {
  local apt=$PWD/$aarch64/apt archive
  local options=(
    -o "APT::Architecture=arm64" -o "APT::Architectures::=arm64" -o "APT::Sandbox::User=$(id -un)"
    -o "Dir::State=$apt/state" -o "Dir::State::status=$apt/state/status" -o "Dir::Cache=$apt/cache"
  )
  mkdir -p "$apt"/state/lists/partial "$apt"/cache/archives/partial "$aarch64/root" || return
  : >"$apt/state/status"
  apt-get "${options[@]}" -q update || return
  apt-get "${options[@]}" -qy --no-install-recommends --download-only install "${aarch64_packages[@]}" || return
  for archive in "$apt"/cache/archives/*.deb; do
    dpkg-deb --extract "$archive" "$aarch64/root" || return
  done
  rm -rf "$apt"
}

# install_aarch64_wheels PACKAGE...: puts these packages and what they need into site/.
install_aarch64_wheels() {
  local python_version platform platforms=()
  python_version=$(basename "$(readlink "$aarch64/root/usr/bin/python3")") || return
  for platform in manylinux2014 manylinux_2_{17..36}; do
    platforms+=(--platform "${platform}_aarch64")
  done
  "$python" -m pip install --target "$aarch64/site" --only-binary=:all: --implementation cp \
    --python-version "${python_version#python}" "${platforms[@]}" "$@"
}

# Writes .deps/aarch64/python, which is used like any python. qemu-user serves proc/cpuinfo in place of this machine's: XNNPACK
# reads there which Arm processor it runs on. The processor is emulated more simply, and several times faster, than `-cpu max`.
write_aarch64_python() {
  local processor
  mkdir -p "$aarch64/root/proc"
  for processor in 0 1; do
    printf '%s\t: %s\n' processor "$processor" BogoMIPS 50.00 \
      Features "fp asimd evtstrm aes pmull sha1 sha2 crc32 atomics fphp asimdhp cpuid asimdrdm lrcpc dcpop asimddp" \
      "CPU implementer" 0x41 "CPU architecture" 8 "CPU variant" 0x3 "CPU part" 0xd0b "CPU revision" 1
    echo
  done >"$aarch64/root/proc/cpuinfo"
  cat >"$aarch64/python" <<'PROGRAM'
#!/bin/sh
# Python for aarch64, under qemu-user.
here=$(cd "$(dirname "$0")" && pwd)
export PYTHONPATH="$here/site${PYTHONPATH:+:$PYTHONPATH}"
exec qemu-aarch64-static -cpu cortex-a76 -L "$here/root" "$here/root/usr/bin/python3" -B "$@"
PROGRAM
  chmod +x "$aarch64/python"
}

# aarch64_cpp_tests [OPTION...]: builds everything for aarch64 and runs the C++ tests that these options of Bazel choose, or all that
# can run there; tests/end_to_end loads the libraries that are left in .deps/aarch64.
aarch64_cpp_tests() {
  local options=(--config=strict --config=aarch64)
  if ! emulates_aarch64; then
    echo "no emulation of Arm code on this $(uname -m) machine"
    return
  fi
  echo "C++ tests on aarch64"
  "$(find_bazel)" build "${options[@]}" -- //... -//tests/...
  "$(find_bazel)" test "${options[@]}" --build_tests_only "$@" //tests/...
  install_built delegate/tflite/libubp_delegate.so "$aarch64/libubp_delegate.so" "${options[@]}"
  install_built python/ubp/selection/native/libubp_selection.so "$aarch64/libubp_selection.so" "${options[@]}"
}

missing_bench_arm_packages() {
  type -P aarch64-linux-gnu-g++ >/dev/null || echo g++-aarch64-linux-gnu
  "$python" -c 'from bench.arm.model import Mca; Mca.newest()' 2>/dev/null || echo llvm-19
}

# What `./run bench arm` looks at: the delegate as the tests on aarch64 have it.
build_for_bench_arm() {
  install_packages "./run bench arm" missing_bench_arm_packages
  build_and_install delegate/tflite/libubp_delegate.so "$aarch64/libubp_delegate.so" --config=strict --config=aarch64
}
