# SPDX-License-Identifier: Apache-2.0
"""A repository with the toolchain of a GCC that builds for another Linux machine, as Debian packages it."""

load("//tools/toolchains:repository.bzl", "include_directories", "write_toolchains")

# Bazel's names of the tools; GCC's own are these, after the triple.
_TOOLS = ["ar", "cpp", "gcc", "gcov", "ld", "nm", "objcopy", "objdump", "strip"]

def _gnu_cross_impl(ctx):
    triple = ctx.attr.triple
    compiler = ctx.which(triple + "-g++")
    if not compiler:
        fail("No {0}-g++ was found on the PATH: install Debian's package g++-{0} ('./run setup' installs what the tests need), or add the directory that holds it to the PATH.".format(triple))
    prefix = str(compiler)[:-len("g++")]
    write_toolchains(ctx, [{
        "name": "toolchain",
        "compile_flags": [
            "-fno-canonical-system-headers",
            "-fstack-protector-strong",
        ] + ctx.attr.compile_flags,
        "compiler": "gcc",
        "cpu": ctx.attr.cpu,
        "include_directories": include_directories(ctx, compiler),
        "libc": "glibc",
        "link_flags": [
            "-lstdc++",
            "-lm",
            "-Wl,-z,relro,-z,now",
        ],
        "os": "linux",
        "tools": {name: prefix + name for name in _TOOLS},
        "triple": triple,
    }])

gnu_cross = repository_rule(
    implementation = _gnu_cross_impl,
    attrs = {
        "compile_flags": attr.string_list(doc = "More flags for all compilations."),
        "cpu": attr.string(mandatory = True, doc = "The processor, as @platforms//cpu names it."),
        "triple": attr.string(mandatory = True, doc = "The compiler's name up to '-g++', for example aarch64-linux-gnu."),
    },
    configure = True,
    environ = ["PATH"],
    local = True,
)
