# SPDX-License-Identifier: Apache-2.0
"""Prints the C++ header that has the texts of OpenCL kernels in it.

    python3 tools/kernel_sources.py common.cl mean.cl pool.cl >kernel_sources.h

The first file is put in front of each of the others: mean.cl becomes the constant kMeanSource.
Bazel runs it (//delegate/opencl/kernels:kernel_sources_header); the standard library is all that it
needs.
"""

from __future__ import annotations

import sys
from pathlib import Path

_HEADER = """\
// The texts of the kernels: made of the .cl files beside it by tools/kernel_sources.py.
#ifndef UBP_DELEGATE_OPENCL_KERNELS_KERNEL_SOURCES_H_
#define UBP_DELEGATE_OPENCL_KERNELS_KERNEL_SOURCES_H_

namespace ubp::opencl {

@SOURCES@

}  // namespace ubp::opencl

#endif  // UBP_DELEGATE_OPENCL_KERNELS_KERNEL_SOURCES_H_
"""


def header(common: str, sources: dict[str, str]) -> str:
    """The header's text; `sources` are texts by file name, "mean.cl"."""
    constants = [_constant(name, common + text) for name, text in sources.items()]
    return _HEADER.replace("@SOURCES@", "\n\n".join(constants))


def _constant(file_name: str, text: str) -> str:
    if ')cl"' in text:
        raise ValueError(f'{file_name} has )cl" in it, which ends the text; write it another way')
    words = file_name.removesuffix(".cl").split("_")
    name = "k" + "".join(word.capitalize() for word in words) + "Source"
    return f'inline constexpr char {name}[] = R"cl({text})cl";'


def _read(paths: list[str]) -> str:
    common, *others = map(Path, paths)
    texts = {path.name: path.read_text("utf-8") for path in others}
    return header(common.read_text("utf-8"), texts)


if __name__ == "__main__":
    sys.stdout.write(_read(sys.argv[1:]))
