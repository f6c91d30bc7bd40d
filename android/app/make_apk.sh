#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Packs the benchmark app, after 'mvn -f android/pom.xml package', without an Android SDK:
#
#   make_apk.sh [JNI_LIBS [OUTPUT]]
#
# JNI_LIBS holds ABI/libubp_delegate.so and ABI/libubp_delegate_jni.so (default: those from which the library is packed). OUTPUT is
# the file to write (default: target/ubp-benchmark.apk). Needs Debian's aapt, android-framework-res, apksigner and zipalign. The app
# is signed with the usual debug key, ~/.android/debug.keystore or what KEYSTORE names, which is made if there is none.
set -euo pipefail

die() {
  printf 'make_apk.sh: %s\n' "$*" >&2
  exit 1
}

readonly framework=${ANDROID_FRAMEWORK:-/usr/share/android-framework-res/framework-res.apk}
keystore=$(realpath -m "${KEYSTORE:-$HOME/.android/debug.keystore}")
jni_libs=$(realpath -m "${1:-$(dirname "${BASH_SOURCE[0]}")/../library/src/main/jniLibs}")
output=$(realpath -m "${2:-$(dirname "${BASH_SOURCE[0]}")/target/ubp-benchmark.apk}")
cd "$(dirname "${BASH_SOURCE[0]}")"

for tool in aapt apksigner java keytool zipalign; do
  type -P "$tool" >/dev/null || die "there is no $tool on the PATH; install Debian's packages aapt, apksigner, default-jdk-headless and zipalign"
done
[[ -e $framework ]] || die "$framework does not exist; install Debian's android-framework-res, or name an android.jar with ANDROID_FRAMEWORK"
[[ -e target/dalvik-dx.jar ]] || die "target/dalvik-dx.jar does not exist; run 'mvn -f android/pom.xml package' first"

rm -rf target/apk
mkdir -p target/apk "${output%/*}"
java -cp target/dalvik-dx.jar com.android.dx.command.Main --dex --min-sdk-version=24 --output=target/apk/classes.dex \
  target/classes ../library/target/classes ../tflite/target/classes
for folder in "$jni_libs"/*/; do
  abi=$(basename "$folder")
  tflite=../tflite/target/tensorflow-lite/jni/$abi/libtensorflowlite_jni.so
  [[ -e $folder/libubp_delegate_jni.so ]] || die "$jni_libs holds no ABI/libubp_delegate_jni.so; android/README.md says how to build it"
  [[ -e $tflite ]] || die "TensorFlow Lite has no library for the ABI '$abi'"
  mkdir -p "target/apk/lib/$abi"
  cp "$folder"/libubp_delegate.so "$folder"/libubp_delegate_jni.so "$tflite" "target/apk/lib/$abi"
done
aapt package -f -M src/main/AndroidManifest.xml -I "$framework" -F target/unaligned.apk target/apk
zipalign -f -p 4 target/unaligned.apk target/unsigned.apk
if [[ ! -e $keystore ]]; then
  mkdir -p "${keystore%/*}"
  keytool -genkeypair -storetype PKCS12 -keystore "$keystore" -storepass android -alias androiddebugkey -keyalg RSA -keysize 2048 \
    -validity 10000 -dname "CN=Android Debug,O=Android,C=US"
fi
apksigner sign --ks "$keystore" --ks-pass pass:android --out "$output" target/unsigned.apk
apksigner verify "$output"
echo "wrote $output"
