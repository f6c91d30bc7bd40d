# SPDX-License-Identifier: Apache-2.0
"""tools/kernel_sources.py and tools/kernel_registers.py, but for the compilers that they call."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

TOOLS = Path(__file__).parents[3] / "tools"


def load(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, TOOLS / f"{name}.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def test_each_source_has_what_all_share_in_front() -> None:
    header = load("kernel_sources").header("// all\n", {"mean.cl": "a\n", "to_planes.cl": "b\n"})
    assert 'inline constexpr char kMeanSource[] = R"cl(// all\na\n)cl";' in header
    assert 'inline constexpr char kToPlanesSource[] = R"cl(// all\nb\n)cl";' in header


def test_a_source_that_would_end_the_text_is_refused() -> None:
    with pytest.raises(ValueError, match=r"mean\.cl"):
        load("kernel_sources").header("", {"mean.cl": 'a)cl"b'})


def test_limits_of_registers_and_loads() -> None:
    registers = load("kernel_registers")
    of_32 = registers.Variant("sparse_convolution", "-cl-std=CL1.2 -DN=8 -DV=4 -DLANES=1")
    assert str(of_32) == "sparse_convolution N=8 V=4 LANES=1"
    assert registers.Compiled(of_32, 48, 0, 32, 72, 0).faults() == []
    (fault,) = registers.Compiled(of_32, 49, 0, 32, 72, 0).faults()
    assert "49 vector registers" in fault
    (fault,) = registers.Compiled(of_32, 48, 0, 33, 72, 0).faults()
    assert "33 vector loads" in fault
    (fault,) = registers.Compiled(of_32, 48, 0, 0, 72, 0).faults()
    assert "no vector loads" in fault
    for scratch, spilled in ((4, 0), (0, 4)):
        (fault,) = registers.Compiled(of_32, 48, scratch, 32, 72, spilled).faults()
        assert fault == f"{of_32} spills registers"


def test_limits_that_do_not_hold_for_a_variant() -> None:
    registers = load("kernel_registers")
    for options in ("-DN=16 -DV=4 -DLANES=1", "-DN=4 -DV=4 -DLANES=4 -DRESIDUAL=1"):
        variant = registers.Variant("sparse_convolution", f"-cl-std=CL1.2 {options}")
        registers_ = 80 if variant.accumulators > 32 else 48
        assert registers.Compiled(variant, registers_, 0, 64, 72, 0).faults() == []
    pool = registers.Variant("pool", "-cl-std=CL1.2")
    assert registers.Compiled(pool, 200, 0, 100).faults() == []


# What clang-15 and ptxas say of a kernel.
AMD = "; NumVgprs: 40\n; ScratchSize: 0\nglobal_load_dwordx4 v[0:3], v4\n"
NVIDIA = "ptxas info : Used 72 registers, 400 bytes cmem[0]\n0 bytes spill stores, 0 bytes"


def compiled_as(amd: str, nvidia: str, options: str, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A sparse convolution, with compilers that say this."""
    registers = load("kernel_registers")

    def run(command: list[str]) -> str:
        if command[0] == "clang-15":
            Path(command[command.index("-o") + 1]).write_text(amd, "utf-8")
        return nvidia

    monkeypatch.setattr(registers, "_run", run)
    return registers.compile_variant(registers.Variant("sparse_convolution", options), "ptxas")


def test_what_compilers_say_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    compiled = compiled_as(AMD, NVIDIA, "-DN=4", monkeypatch)
    assert (compiled.vector_registers, compiled.scratch_bytes, compiled.vector_loads) == (40, 0, 1)
    assert (compiled.nvidia_registers, compiled.nvidia_spill_bytes) == (72, 0)


@pytest.mark.parametrize(
    ("amd", "nvidia", "pattern"),
    [
        (AMD.replace("NumVgprs", "VGPRs"), NVIDIA, "NumVgprs"),
        (AMD.replace("ScratchSize", "Scratch"), NVIDIA, "ScratchSize"),
        (AMD, NVIDIA.replace("registers", "regs"), "registers"),
        (AMD, NVIDIA.replace("spill stores", "spilled"), "spill stores"),
    ],
)
def test_a_compiler_with_other_words_is_refused(
    amd: str, nvidia: str, pattern: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(SystemExit, match=f"the compiler says nothing that is like '.*{pattern}"):
        compiled_as(amd, nvidia, "-DN=4", monkeypatch)


def test_a_list_without_kernels_is_refused() -> None:
    with pytest.raises(SystemExit, match="true lists no kernels"):
        load("kernel_registers").list_variants("true", everything=False)
