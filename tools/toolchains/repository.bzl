# SPDX-License-Identifier: Apache-2.0
"""What the repository rules for toolchains have in common."""

def include_directories(ctx, compiler, flags = []):
    """Returns where a C++ compiler with these flags looks for system headers: each directory as named and with links resolved."""

    # The first flag is cross_toolchain()'s too; with it, Clang looks for its own headers from where it was called.
    command = [compiler, "-no-canonical-prefixes"] + flags + ["-E", "-xc++", "-v", "/dev/null"]
    result = ctx.execute(command, environment = {"LC_ALL": "C"})
    if result.return_code:
        fail("{} did not run: {}".format(" ".join([str(word) for word in command]), result.stderr))
    _, _, after = result.stderr.partition("#include <...> search starts here:\n")
    listed, _, _ = after.partition("End of search list.")
    directories = {}
    for line in listed.splitlines():
        directory = ctx.path(line.strip())
        directories[str(directory)] = None
        directories[str(directory.realpath)] = None
    return directories.keys()

def write_toolchains(ctx, toolchains):
    """Writes the repository's BUILD file: one cross_toolchain() for each dict of its arguments."""
    calls = ["load(\"@ubp//tools/toolchains:cross_toolchain.bzl\", \"cross_toolchain\")\n"]
    for arguments in toolchains:
        lines = ["    {} = {},\n".format(name, repr(value)) for name, value in arguments.items()]
        calls.append("cross_toolchain(\n{})\n".format("".join(lines)))
    ctx.file("BUILD", "\n".join(calls))
