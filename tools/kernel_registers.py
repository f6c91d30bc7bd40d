# SPDX-License-Identifier: Apache-2.0
"""What compilers for real GPUs make of the OpenCL kernels: registers, spills, loads.

    python3 tools/kernel_registers.py bazel-bin/delegate/opencl/kernels/list_kernels

Compiles variants for AMD's gfx1030 with Debian's clang-15 and libclc-15 and, where `ptxas` is found
(on PATH, or named by PTXAS: it is in NVIDIA's CUDA toolkit), for NVIDIA's sm_90. Prints a table;
ends with an error where a kernel spills, a sparse convolution of at most 32 accumulators needs more
than 48 vector registers, or reads more than one vector for each pixel and block; and where a
compiler does not say so in the known words. No GPU is needed, and nothing is said about speed. The
standard library is all that it needs.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

KERNELS = Path(__file__).resolve().parents[1] / "delegate" / "opencl" / "kernels"
LIBCLC = Path("/usr/lib/clc")
MOST_ACCUMULATORS = 32  # of variants for which MOST_REGISTERS holds
MOST_REGISTERS = 48


@dataclass(frozen=True)
class Variant:
    """A kernel's file and the options that it is compiled with."""

    file: str
    options: str

    def value(self, name: str) -> str:
        """Of a macro; "" where it is not defined."""
        found = re.search(rf"-D{name}=(\S+)", self.options)
        return found[1] if found else ""

    @property
    def accumulators(self) -> int:
        """Of a sparse convolution."""
        return int(self.value("N")) * int(self.value("V"))

    def __str__(self) -> str:
        return f"{self.file} {self.options.partition(' ')[2].replace('-D', '')}".strip()


@dataclass
class Compiled:
    """What came out for one kernel; numbers of a target that it was not compiled for are -1."""

    variant: Variant
    vector_registers: int = -1
    scratch_bytes: int = -1
    vector_loads: int = -1
    nvidia_registers: int = -1
    nvidia_spill_bytes: int = -1

    def faults(self) -> list[str]:
        """A sentence for each limit that does not hold."""
        found = []
        if self.scratch_bytes > 0 or self.nvidia_spill_bytes > 0:
            found.append(f"{self.variant} spills registers")
        if self.variant.file != "sparse_convolution":
            return found
        few = self.variant.accumulators <= MOST_ACCUMULATORS
        if few and self.vector_registers > MOST_REGISTERS:
            found.append(
                f"{self.variant} has {self.vector_registers} vector registers, expected at most "
                f"{MOST_REGISTERS}"
            )
        if self.vector_loads == 0:
            found.append(f"{self.variant} has no vector loads, expected some")
        loads = self.variant.accumulators * int(self.variant.value("LANES"))
        # A residual is read as well, and so are tables of functions.
        plain = not self.variant.value("RESIDUAL") and not self.variant.value("FUNCTION")
        if plain and self.vector_loads > loads:
            found.append(
                f"{self.variant} has {self.vector_loads} vector loads, expected one for each pixel "
                f"and block: {loads}"
            )
        return found


def compile_variant(variant: Variant, ptxas: str | None) -> Compiled:
    """Compiles for both targets, the second where there is a `ptxas`."""
    compiled = Compiled(variant)
    with tempfile.TemporaryDirectory() as directory:
        source = Path(directory) / "kernel.cl"
        common = (KERNELS / "common.cl").read_text("utf-8")
        source.write_text(common + (KERNELS / f"{variant.file}.cl").read_text("utf-8"), "utf-8")
        if not variant.value("WIDE_ADDRESSES"):  # those are for NVIDIA alone
            _for_amd(source, compiled)
        # Sums in half need an extension that clang has for AMD alone.
        if ptxas is not None and not variant.value("SUMS_HALF"):
            _for_nvidia(source, ptxas, compiled)
    return compiled


def _for_amd(source: Path, compiled: Compiled) -> None:
    target = ["-target", "amdgcn-amd-amdhsa", "-mcpu=gfx1030", "-nogpulib"]
    text = _clang(source, compiled.variant, target, "amdgcn--amdhsa.bc").read_text("utf-8")
    compiled.vector_registers = _most(r"; NumVgprs: (\d+)", text)
    compiled.scratch_bytes = _most(r"; ScratchSize: (\d+)", text)
    compiled.vector_loads = len(re.findall(r"\b(?:global|flat|buffer)_load", text))


def _for_nvidia(source: Path, ptxas: str, compiled: Compiled) -> None:
    target = ["-target", "nvptx64-nvidia-nvcl", *_frontend("-target-cpu", "sm_80")]
    target += _frontend("-target-feature", "+ptx70")
    path = _clang(source, compiled.variant, target, "nvptx64--nvidiacl.bc")
    text = re.sub(r"(?m)^\.target sm_80.*", ".target sm_80", path.read_text("utf-8"))
    path.write_text(text, "utf-8")
    said = _run([ptxas, "-arch=sm_90", "-v", "-o", os.devnull, str(path)])
    compiled.nvidia_registers = _most(r"Used (\d+) registers", said)
    compiled.nvidia_spill_bytes = _most(r"(\d+) bytes spill stores", said)


def _clang(source: Path, variant: Variant, target: list[str], library: str) -> Path:
    output = source.with_suffix(".s")
    options = [option for option in variant.options.split() if option.startswith("-D")]
    command = ["clang-15", "-x", "cl", "-cl-std=CL1.2", *target, *options, "-O3", "-S"]
    command += _frontend("-finclude-default-header")
    command += _frontend("-mlink-builtin-bitcode", str(LIBCLC / library))
    _run([*command, "-o", str(output), str(source)])
    return output


def _frontend(*arguments: str) -> list[str]:
    return [word for argument in arguments for word in ("-Xclang", argument)]


def _run(command: list[str]) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise SystemExit(f"{' '.join(command)} fails:\n{done.stderr[:4000]}")
    return done.stdout + done.stderr


def _most(pattern: str, text: str) -> int:
    found = re.findall(pattern, text)
    if not found:
        raise SystemExit(f"the compiler says nothing that is like '{pattern}':\n{text[-4000:]}")
    return max(map(int, found))


def list_variants(list_kernels: str, everything: bool) -> list[Variant]:
    """In float, with functions of the convolution in blocks only; in half, one of each file."""
    lines = _run([list_kernels]).splitlines()
    found = list(dict.fromkeys(Variant(*line.split("\t")) for line in lines))
    if not found:
        raise SystemExit(f"{list_kernels} lists no kernels")
    if everything:
        return found
    usual = [
        variant
        for variant in found
        if not variant.value("STORAGE_HALF")
        and (variant.file == "sparse_convolution" or not variant.value("FUNCTION"))
    ]
    first = {
        (each.file, each.value("STORAGE_HALF"), each.value("SUMS_HALF")): each
        for each in found[::-1]
    }
    return usual + [variant for variant in first.values() if variant.value("STORAGE_HALF")]


def main() -> None:
    """Prints the table; ends with the faults, if any."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("list_kernels", help="the binary that lists all variants")
    parser.add_argument("--all", action="store_true", help="every function, and half as well")
    arguments = parser.parse_args()
    if shutil.which("clang-15") is None or not LIBCLC.is_dir():
        raise SystemExit("there is no clang-15 or no /usr/lib/clc: install clang-15 and libclc-15")
    ptxas = os.environ.get("PTXAS") or shutil.which("ptxas")
    variants = list_variants(arguments.list_kernels, arguments.all)
    print(f"{'':78} gfx1030: registers scratch loads   sm_90: registers spilled")
    faults = []
    with ThreadPoolExecutor(2) as pool:
        for each in pool.map(lambda variant: compile_variant(variant, ptxas), variants):
            nvidia = f"{each.nvidia_registers:17} {each.nvidia_spill_bytes:7}" if ptxas else ""
            amd = f"{each.vector_registers:18} {each.scratch_bytes:7} {each.vector_loads:5}"
            print(f"{each.variant!s:78} {amd}   {nvidia}".rstrip(), flush=True)
            faults += each.faults()
    if faults:
        sys.exit("\n".join(faults))


if __name__ == "__main__":
    main()
