"""MaskUpdate: what an update of masks did to one kernel, for callbacks to report."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class MaskUpdate:
    """What an update did to one kernel.

    name: the layer's, and where it has several kernels, the kernel's.
    step: training steps begun.
    size: number of weights.
    sparsity: share of the weights that the mask removes.
    threshold: the importance of the least important block that is kept; 0 where every weight is.
    moved: share of the kept weights that were not kept before.
    kept_importance: share of the kernel's importance that is kept.
    residual: where the schedule still regularises (see regularized.py), how far the kernel is from
        the blocks to which it is drawn, |W - Z| / |W| in the 2-norm; otherwise None.
    """

    name: str
    step: int
    size: int
    sparsity: float
    threshold: float
    moved: float
    kept_importance: float
    residual: float | None = None
