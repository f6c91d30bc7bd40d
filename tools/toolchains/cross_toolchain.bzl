# SPDX-License-Identifier: Apache-2.0
"""A C++ toolchain that builds for another machine, around a GCC or Clang that lies anywhere on this one."""

load("@bazel_tools//tools/build_defs/cc:action_names.bzl", "ACTION_NAMES")
load("@bazel_tools//tools/cpp:cc_toolchain_config_lib.bzl", "feature", "flag_group", "flag_set", "tool_path")

_COMPILE = [
    ACTION_NAMES.assemble,
    ACTION_NAMES.c_compile,
    ACTION_NAMES.cpp_compile,
    ACTION_NAMES.preprocess_assemble,
]
_LINK = [
    ACTION_NAMES.cpp_link_dynamic_library,
    ACTION_NAMES.cpp_link_executable,
    ACTION_NAMES.cpp_link_nodeps_dynamic_library,
]

# As Bazel's own toolchain does: headers are named as they were found, and objects do not depend on the time of day.
_REPRODUCIBLE = [
    "-no-canonical-prefixes",
    "-Wno-builtin-macro-redefined",
    "-D__DATE__=\"redacted\"",
    "-D__TIME__=\"redacted\"",
    "-D__TIMESTAMP__=\"redacted\"",
]
_OPTIMISED = [
    "-O2",
    "-DNDEBUG",
    "-D_FORTIFY_SOURCE=2",
    "-fdata-sections",
    "-ffunction-sections",
]

def _feature(name, compile_flags, link_flags = [], enabled = False):
    flag_sets = [
        flag_set(actions = actions, flag_groups = [flag_group(flags = flags)])
        for actions, flags in [(_COMPILE, compile_flags), (_LINK, link_flags)]
        if flags
    ]
    return feature(name = name, enabled = enabled, flag_sets = flag_sets)

def _config_impl(ctx):
    return cc_common.create_cc_toolchain_config_info(
        ctx = ctx,
        abi_libc_version = ctx.attr.libc,
        abi_version = ctx.attr.triple,
        compiler = ctx.attr.compiler,
        cxx_builtin_include_directories = ctx.attr.include_directories,
        features = [
            _feature("target_flags", _REPRODUCIBLE + ctx.attr.compile_flags, ctx.attr.link_flags, enabled = True),
            _feature("opt", _OPTIMISED),
            _feature("dbg", ["-g"]),
            _feature("fastbuild", []),
            feature(name = "supports_dynamic_linker", enabled = True),
            feature(name = "supports_pic", enabled = True),
        ],
        host_system_name = "local",
        target_cpu = ctx.attr.cpu,
        target_libc = ctx.attr.libc,
        target_system_name = ctx.attr.triple,
        tool_paths = [tool_path(name = name, path = path) for name, path in ctx.attr.tools.items()],
        toolchain_identifier = "{}-{}".format(ctx.attr.triple, ctx.attr.compiler),
    )

_cross_toolchain_config = rule(
    implementation = _config_impl,
    attrs = {
        "compile_flags": attr.string_list(),
        "compiler": attr.string(mandatory = True),
        "cpu": attr.string(mandatory = True),
        "include_directories": attr.string_list(mandatory = True),
        "libc": attr.string(mandatory = True),
        "link_flags": attr.string_list(),
        "tools": attr.string_dict(mandatory = True),
        "triple": attr.string(mandatory = True),
    },
    provides = [CcToolchainConfigInfo],
)

def cross_toolchain(name, cpu, os, inputs = [], **config):
    """Declares the toolchain `name`, to be chosen by platform (--extra_toolchains).

    Args:
      name: of the toolchain() target.
      cpu: the processor, as @platforms//cpu names it.
      os: the operating system, as @platforms//os names it.
      inputs: files that stand for the compiler: when they change, everything is built again.
      **config: triple, compiler ("gcc" or "clang") and libc, names only; tools, the absolute path of each tool by the name that
        Bazel has for it; include_directories, where the compiler finds system headers; compile_flags and link_flags, for all
        compilations and links.
    """
    _cross_toolchain_config(name = name + "_config", cpu = cpu, **config)
    native.filegroup(name = name + "_inputs", srcs = inputs)
    files = {
        kind + "_files": ":{}_inputs".format(name)
        for kind in ["all", "ar", "as", "compiler", "dwp", "linker", "objcopy", "strip"]
    }
    native.cc_toolchain(
        name = name + "_cc",
        supports_param_files = True,
        tags = ["manual"],
        toolchain_config = ":{}_config".format(name),
        toolchain_identifier = name,
        **files
    )
    native.toolchain(
        name = name,
        target_compatible_with = ["@platforms//cpu:" + cpu, "@platforms//os:" + os],
        toolchain = ":{}_cc".format(name),
        toolchain_type = "@bazel_tools//tools/cpp:toolchain_type",
    )
