# SPDX-License-Identifier: Apache-2.0
"""UBP for TensorFlow Lite: pruned Keras CNNs, several times faster in the standard interpreter.

    pruned = ubp.prune(model, schedule=ubp.PolynomialDecay(...), pattern=ubp.UnalignedBlock(4))
    pruned.fit(x, y, callbacks=[ubp.UpdatePruning()])
    ubp.convert(ubp.strip(pruned)).save("model.tflite")
    interpreter = ubp.Interpreter("model.tflite", num_threads=2)

Names are loaded when first used: running a converted model imports neither TensorFlow nor Keras.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from ubp.extras import missing_package

if TYPE_CHECKING:  # what __getattr__ loads, for type checkers and editors
    from ubp.check import Verification as Verification
    from ubp.check import verify as verify
    from ubp.conversion import ConversionResult as ConversionResult
    from ubp.conversion import convert as convert
    from ubp.conversion import unpack as unpack
    from ubp.conversion.layer_report import LayerReport as LayerReport
    from ubp.costs import CostModel as CostModel
    from ubp.data import Preprocessing as Preprocessing
    from ubp.latency import LatencyModel as LatencyModel
    from ubp.latency import read_costs as read_costs
    from ubp.mapping import SchemeMapping as SchemeMapping
    from ubp.mapping.schemes import map_schemes as map_schemes
    from ubp.masking import ADMM as ADMM
    from ubp.masking import AlignedBlock as AlignedBlock
    from ubp.masking import ConstantSparsity as ConstantSparsity
    from ubp.masking import CustomSchedule as CustomSchedule
    from ubp.masking import GlobalBudget as GlobalBudget
    from ubp.masking import KernelPattern as KernelPattern
    from ubp.masking import LatencyBudget as LatencyBudget
    from ubp.masking import Pattern as Pattern
    from ubp.masking import PolynomialDecay as PolynomialDecay
    from ubp.masking import ReweightedRegularization as ReweightedRegularization
    from ubp.masking import UnalignedBlock as UnalignedBlock
    from ubp.masking import Unstructured as Unstructured
    from ubp.pruning import PruningSummaries as PruningSummaries
    from ubp.pruning import QuantizeAware as QuantizeAware
    from ubp.pruning import UpdatePruning as UpdatePruning
    from ubp.pruning import channel_groups as channel_groups
    from ubp.pruning import permute_channels as permute_channels
    from ubp.pruning import prune as prune
    from ubp.pruning import pruning_summary as pruning_summary
    from ubp.pruning import recalibrate_batch_norm as recalibrate_batch_norm
    from ubp.pruning import remove_channels as remove_channels
    from ubp.pruning import strip as strip
    from ubp.quantization import QuantizedFile as QuantizedFile
    from ubp.quantization import quantize as quantize
    from ubp.reconstruction.network import PrunedWithoutTraining as PrunedWithoutTraining
    from ubp.reconstruction.network import prune_without_training as prune_without_training
    from ubp.reporting.structure import BlockStructure as BlockStructure
    from ubp.reporting.structure import block_structure as block_structure
    from ubp.runtime import Interpreter as Interpreter
    from ubp.runtime import delegate_path as delegate_path
    from ubp.runtime import load_delegate as load_delegate
    from ubp.runtime.compiled_model import CompiledModel as CompiledModel
    from ubp.runtime.environment import litert_environment as litert_environment
    from ubp.selection import GlobalSelection as GlobalSelection
    from ubp.selection import Selection as Selection
    from ubp.selection import TradeoffCurves as TradeoffCurves
    from ubp.selection import select_blocks as select_blocks
    from ubp.selection import select_blocks_global as select_blocks_global
    from ubp.selection import tradeoff_curves as tradeoff_curves
    from ubp.tflite_pruning import PrunedFile as PrunedFile
    from ubp.tflite_pruning import prune_tflite as prune_tflite
    from ubp.timing import BenchmarkResult as BenchmarkResult
    from ubp.timing import Timing as Timing
    from ubp.timing import benchmark as benchmark

_HOME = {
    "select_blocks": "ubp.selection",
    "select_blocks_global": "ubp.selection",
    "tradeoff_curves": "ubp.selection",
    "Selection": "ubp.selection",
    "GlobalSelection": "ubp.selection",
    "TradeoffCurves": "ubp.selection",
    "permute_channels": "ubp.pruning",
    "channel_groups": "ubp.pruning",
    "remove_channels": "ubp.pruning",
    "prune": "ubp.pruning",
    "strip": "ubp.pruning",
    "UpdatePruning": "ubp.pruning",
    "PruningSummaries": "ubp.pruning",
    "pruning_summary": "ubp.pruning",
    "recalibrate_batch_norm": "ubp.pruning",
    "ConstantSparsity": "ubp.masking",
    "PolynomialDecay": "ubp.masking",
    "CustomSchedule": "ubp.masking",
    "ADMM": "ubp.masking",
    "QuantizeAware": "ubp.pruning",
    "ReweightedRegularization": "ubp.masking",
    "GlobalBudget": "ubp.masking",
    "LatencyBudget": "ubp.masking",
    "UnalignedBlock": "ubp.masking",
    "KernelPattern": "ubp.masking",
    "AlignedBlock": "ubp.masking",
    "Unstructured": "ubp.masking",
    "Pattern": "ubp.masking",
    "quantize": "ubp.quantization",
    "QuantizedFile": "ubp.quantization",
    "prune_without_training": "ubp.reconstruction.network",
    "PrunedWithoutTraining": "ubp.reconstruction.network",
    "convert": "ubp.conversion",
    "ConversionResult": "ubp.conversion",
    "LayerReport": "ubp.conversion.layer_report",
    "unpack": "ubp.conversion",
    "block_structure": "ubp.reporting.structure",
    "BlockStructure": "ubp.reporting.structure",
    "verify": "ubp.check",
    "Verification": "ubp.check",
    "CostModel": "ubp.costs",
    "read_costs": "ubp.latency",
    "LatencyModel": "ubp.latency",
    "map_schemes": "ubp.mapping.schemes",
    "SchemeMapping": "ubp.mapping",
    "CompiledModel": "ubp.runtime.compiled_model",
    "Interpreter": "ubp.runtime",
    "litert_environment": "ubp.runtime.environment",
    "load_delegate": "ubp.runtime",
    "delegate_path": "ubp.runtime",
    "Preprocessing": "ubp.data",
    "PrunedFile": "ubp.tflite_pruning",
    "prune_tflite": "ubp.tflite_pruning",
    "benchmark": "ubp.timing",
    "BenchmarkResult": "ubp.timing",
    "Timing": "ubp.timing",
}

__version__ = "0.1.0"
__all__ = sorted(_HOME)


def __getattr__(name: str) -> Any:
    if name == "torch":  # a package, which imports PyTorch
        return importlib.import_module("ubp.torch")
    if name not in _HOME:
        raise AttributeError(f"module 'ubp' has no attribute '{name}'; it has {', '.join(__all__)}")
    try:
        value = getattr(importlib.import_module(_HOME[name]), name)
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] == "ubp":
            raise
        raise missing_package(f"ubp.{name}", error.name) from error
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
