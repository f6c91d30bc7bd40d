# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# Sourced by `run`: what the tests of the other hosts need, the C++ example and the Android library. A TensorFlow Lite C library for
# this machine goes to .deps/tflite_c; the native libraries and the model for the JVM tests to .deps/jvm.

readonly tflite_c=.deps/tflite_c
readonly tflite_c_package=tfjs-tflite-node@0.0.2
readonly tflite_c_sha256=3be1632328a76a2475e5b6833253763c802c859433becb4d879ee1860e3b5284
readonly jvm=.deps/jvm

need_tflite_c() {
  [[ -z ${TFLITE_C:-} && ! -e $tflite_c/lib/libtensorflowlite_c.so ]]
}

missing_hosts_packages() {
  local package tool
  for package in make maven:mvn default-jdk-headless:javac aapt apksigner zipalign; do
    tool=${package##*:}
    type -P "$tool" >/dev/null || echo "${package%%:*}"
  done
  [[ -e /usr/share/android-framework-res/framework-res.apk ]] || echo android-framework-res
  [[ -e /usr/include/png.h ]] || echo libpng-dev
  ! need_tflite_c || type -P npm >/dev/null || echo npm
  missing_ndk_packages
}

# tests/python/toolchains builds with a stand-in for the Android NDK, which is one for x86-64: GCC for each ABI.
missing_ndk_packages() {
  [[ $(uname -sm) == "Linux x86_64" ]] || return 0
  type -P aarch64-linux-gnu-g++ >/dev/null || echo g++-aarch64-linux-gnu
  type -P arm-linux-gnueabihf-g++ >/dev/null || echo g++-arm-linux-gnueabihf
}

missing_hosts_downloads() {
  ! need_tflite_c || echo "TensorFlow Lite's C library, from npm's registry"
  [[ -e ~/.m2/repository/org/robolectric/robolectric ]] || echo "what android/pom.xml names, Robolectric among it, from Maven's registry"
}

fetch_hosts() {
  fetch_tflite_c
}

# An npm package holds TensorFlow Lite's C library, prebuilt, and its headers.
fetch_tflite_c() {
  need_tflite_c || return 0
  local machine archive=.deps/npm/${tflite_c_package/@/-}.tgz
  case $(uname -sm) in
    "Linux x86_64") machine=linux_amd64 ;;
    "Linux aarch64") machine=linux_arm64 ;;
    *) die "no prebuilt TensorFlow Lite C library is known for $(uname -sm): set TFLITE_C to a folder with include/ and lib/libtensorflowlite_c.so" ;;
  esac
  mkdir -p .deps/npm
  logged npm "getting the TensorFlow Lite C library" npm pack --pack-destination .deps/npm "$tflite_c_package"
  echo "$tflite_c_sha256  $archive" | sha256sum --check --quiet ||
    die "$archive is not the archive this project was tested with; delete it, and check where npm gets its packages"
  rm -rf "$tflite_c" .deps/npm/package
  tar -xzf "$archive" -C .deps/npm package/cc_deps/include "package/cc_deps/$machine"
  mv ".deps/npm/package/cc_deps/$machine" .deps/npm/package/cc_deps/lib
  mv .deps/npm/package/cc_deps "$tflite_c"
}

# The JVM tests run with the native libraries of this machine; the archive and the app that they pack are for no device.
test_jvm() {
  local abi=x86_64
  [[ $(uname -m) != aarch64 ]] || abi=arm64-v8a
  "$(find_bazel)" test --config=strict //tests/cpp/jni:ubp_delegate_jni_test
  logged bazel-jni "building libubp_delegate_jni.so" "$(find_bazel)" build --config=strict //android/jni:libubp_delegate_jni.so
  install_built android/jni/libubp_delegate_jni.so "$jvm/libubp_delegate_jni.so" --config=strict
  install_built delegate/tflite/libubp_delegate.so "$jvm/libubp_delegate.so" --config=strict
  mkdir -p "$jvm/jniLibs/$abi"
  cp "$jvm"/*.so "$jvm/jniLibs/$abi"
  "$python" android/make_test_model.py "$jvm"
  logged jvm "JVM tests" mvn -B -ntp -f android/pom.xml verify "-Dubp.jniLibs=$PWD/$jvm/jniLibs" -Dubp.aar.name=test.aar \
    "-Dtflite.c=$(realpath "${TFLITE_C:-$tflite_c}")/lib"
  KEYSTORE=$jvm/debug.keystore logged apk "packing the benchmark app" android/app/make_apk.sh "$jvm/jniLibs" android/app/target/test.apk
}
