# SPDX-License-Identifier: Apache-2.0
"""Functions that read any bytes, for libFuzzer to call and for tests to replay what it has found."""

def fuzz_target(name, deps, linkopts = []):
    """Makes NAME_fuzzer of NAME.cc, for --config=fuzz only, and NAME_replay_test, which runs corpus/NAME.

    Args:
      name: of the target.
      deps: what NAME.cc needs.
      linkopts: what the programs are linked with.
    """
    native.cc_library(
        name = name,
        srcs = [name + ".cc"],
        linkopts = linkopts,
        deps = deps + [":fuzz"],
        alwayslink = True,
    )
    native.cc_binary(
        name = name + "_fuzzer",
        linkopts = ["-fsanitize=fuzzer"],
        # GCC has no libFuzzer.
        tags = ["manual"],
        deps = [":" + name],
    )
    native.cc_test(
        name = name + "_replay_test",
        size = "medium",
        srcs = ["replay.cc"],
        args = ["tests/fuzz/corpus/" + name],
        data = native.glob(["corpus/" + name + "/*"]),
        tags = ["logic"],
        deps = [":" + name],
    )
