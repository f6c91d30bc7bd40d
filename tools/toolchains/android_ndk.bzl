# SPDX-License-Identifier: Apache-2.0
"""A repository with the toolchains of the Android NDK that ANDROID_NDK_HOME names."""

load("//tools/toolchains:repository.bzl", "include_directories", "write_toolchains")

# The first whose tools are all LLVM's.
_OLDEST_REVISION = 23
_PREBUILT = {
    "linux": "linux-x86_64",
    "mac os x": "darwin-x86_64",
}
_TOOLS = {
    "ar": "llvm-ar",
    "cpp": "clang",
    "gcc": "clang",
    "gcov": "llvm-cov",
    "ld": "ld.lld",
    "nm": "llvm-nm",
    "objcopy": "llvm-objcopy",
    "objdump": "llvm-objdump",
    "strip": "llvm-strip",
}
_COMPILE_FLAGS = [
    "-DANDROID",
    "-fstack-protector-strong",
    "-funwind-tables",
]

# `clang` links as `clang++` would. The C++ library becomes part of each binary: apps need not pack libc++_shared.so.
_LINK_FLAGS = [
    "--driver-mode=g++",
    "-static-libstdc++",
    "-Wl,--build-id=sha1",
    "-Wl,--no-undefined",
    "-Wl,-z,relro,-z,now",
]

# Devices with pages of 16 KiB, all of them with 64 bits, load no library that is aligned to less.
_LINK_FLAGS_64 = ["-Wl,-z,max-page-size=16384"]
_ABIS = {
    "arm64-v8a": struct(cpu = "aarch64", link_flags = _LINK_FLAGS_64, triple = "aarch64-linux-android"),
    "armeabi-v7a": struct(cpu = "armv7", link_flags = [], triple = "armv7a-linux-androideabi"),
    "x86_64": struct(cpu = "x86_64", link_flags = _LINK_FLAGS_64, triple = "x86_64-linux-android"),
}

def _find_ndk(ctx):
    """Returns the NDK's directory, or stops with one sentence that says what to do."""
    home = ctx.os.environ.get("ANDROID_NDK_HOME", "")
    if not home:
        fail("Builds for Android need the Android NDK, r{} or later: set ANDROID_NDK_HOME to its directory, the one that holds source.properties.".format(_OLDEST_REVISION))
    properties = ctx.path(home + "/source.properties")
    if not properties.exists:
        fail("ANDROID_NDK_HOME={} is no Android NDK, it holds no source.properties: set it to the directory of one, r{} or later.".format(home, _OLDEST_REVISION))
    revision = [
        line.partition("=")[2].strip()
        for line in ctx.read(properties).splitlines()
        if line.partition("=")[0].strip() == "Pkg.Revision"
    ]
    major = revision[0].partition(".")[0] if revision else ""
    if not major.isdigit() or int(major) < _OLDEST_REVISION:
        fail("ANDROID_NDK_HOME={} holds an NDK of revision {}: r{} or later is needed.".format(home, revision[0] if revision else "unknown", _OLDEST_REVISION))
    return home

def _find_bin(ctx, ndk):
    """Returns the directory of the compiler that runs on this machine."""
    prebuilt = _PREBUILT.get(ctx.os.name)
    if not prebuilt:
        fail("Builds for Android are set up for Linux and macOS, not for {}: see tools/toolchains/android_ndk.bzl.".format(ctx.os.name))
    directory = "{}/toolchains/llvm/prebuilt/{}/bin".format(ndk, prebuilt)
    if not ctx.path(directory + "/clang").exists:
        fail("ANDROID_NDK_HOME={} holds no compiler for this machine, {}/clang: install the NDK for {}.".format(ndk, directory, ctx.os.name))
    return directory

def _android_ndk_impl(ctx):
    ndk = _find_ndk(ctx)
    directory = _find_bin(ctx, ndk)
    ctx.symlink(ndk + "/source.properties", "source.properties")
    toolchains = []
    for name, abi in _ABIS.items():
        target = ["--target={}{}".format(abi.triple, ctx.attr.api_level)]
        toolchains.append({
            "name": name,
            "compile_flags": target + _COMPILE_FLAGS,
            "compiler": "clang",
            "cpu": abi.cpu,
            "include_directories": include_directories(ctx, directory + "/clang", target),
            "inputs": ["source.properties"],
            "libc": "bionic",
            "link_flags": target + _LINK_FLAGS + abi.link_flags,
            "os": "android",
            "tools": {tool: "{}/{}".format(directory, file) for tool, file in _TOOLS.items()},
            "triple": abi.triple,
        })
    write_toolchains(ctx, toolchains)

android_ndk = repository_rule(
    implementation = _android_ndk_impl,
    attrs = {
        "api_level": attr.int(mandatory = True, doc = "The oldest version of Android that the binaries run on."),
    },
    configure = True,
    environ = ["ANDROID_NDK_HOME"],
    local = True,
)
