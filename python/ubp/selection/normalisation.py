"""By which rule importance is made comparable between layers.

The rules, with A the importance of a layer's weights, n how many they are, and the whole that is
maximised being the sum over layers of kept importance times the factor:

| name | factor | what it means |
|---|---|---|
| none | 1 | importance as it is, one threshold for all weights |
| max | 1 / max A | the largest counts 1 |
| mean | n / sum A | the average counts 1 |
| rms | sqrt(n / sum A^2) | the root mean square counts 1 |
| l1 | 1 / sum A | a layer counts 1: the whole is the mean share of importance kept |
| l2 | 1 / sqrt(sum A^2) | a layer's squares count 1 |
| lamp | | no factor: the product of what the layers keep is maximised |

With A = |w|, "none" is the class-blind and "rms" the class-distribution pruning of See, Luong and
Manning ("Compression of Neural Machine Translation Models via Pruning", arXiv 1606.09274; the
latter after Han et al., arXiv 1506.02626, whose thresholds are multiples of a layer's standard
deviation). "l2" is the layer-wise normalisation of Molchanov et al. ("Pruning Convolutional Neural
Networks for Resource Efficient Inference", arXiv 1611.06440, section 2.2).

"lamp" takes the score of Lee et al. ("Layer-adaptive Sparsity for the Magnitude-based Pruning",
arXiv 2010.07611) from single weights to blocks. There a weight scores w^2 / sum of the w^2 of this
and all larger weights of the layer. Here the k-th block of a layer scores g(k) / f(k), with f(k)
the importance of the k best blocks and g(k) = f(k) - f(k-1). As log f(k) - log f(k-1) =
-log(1 - g(k) / f(k)), taking the blocks by falling scores maximises the sum of the logarithms.
No factor of a layer's importance changes anything, and every layer keeps at least one block. Give
w^2 as importance for the paper's scores; with |w| the densities differ less between layers.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

LAMP = "lamp"
# The denominator of the factor, of a layer's importance divided by the largest.
_SCALES: dict[str, Callable[[npt.NDArray[np.float64]], float]] = {
    "max": lambda relative: 1.0,
    "mean": lambda relative: float(relative.mean()),
    "rms": lambda relative: float(np.sqrt(np.mean(relative**2))),
    "l1": lambda relative: float(relative.sum()),
    "l2": lambda relative: float(np.sqrt(np.sum(relative**2))),
}
NORMALIZATIONS = ("none", *_SCALES, LAMP)


def peak_factor(importance: npt.NDArray[np.floating], rule: str) -> float:
    """The factor times the layer's largest importance, which is finite for any importance.

    Args:
        importance: [lanes, channels], finite and >= 0.
        rule: of NORMALIZATIONS, but not "lamp".
    """
    peak = float(importance.max())
    if rule == "none" or peak == 0.0:
        return peak
    return 1.0 / _SCALES[rule](importance.astype(np.float64) / peak)
