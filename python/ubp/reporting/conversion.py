# SPDX-License-Identifier: Apache-2.0
"""Page: the report on a conversion as one self-contained HTML file, or as JSON. Decides nothing."""

from __future__ import annotations

import base64
import dataclasses
import io
import json
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ubp.check.verification import Verification
from ubp.conversion.converter import ConversionResult
from ubp.conversion.layer_report import LayerReport, sparsity_of
from ubp.extras import extra_needed
from ubp.reporting.pages import page
from ubp.reporting.tables import block_text, remarks, short_name

_TEMPLATE = "report.html"
_INSTEAD = "write a .json report"  # without the packages that a page needs


@dataclass(frozen=True)
class Totals:
    """Sums over a report; ratios are None where there is nothing to divide.

    sparsity: share of zeros among the weights of the layers that have any: of those that were
        pruned, as the logs of `fit` and TensorBoard have it.
    model_sparsity: of all layers that were examined.
    predicted, measured: time of the dense layers over that of the converted ones, of the layers
        that were converted, weighted with their multiply-adds.
    """

    taken: int
    layers: int
    sparsity: float | None
    model_sparsity: float | None
    predicted: float | None
    measured: float | None


def totals(report: list[LayerReport]) -> Totals:
    """Sums over the layers of a report."""
    taken = [layer for layer in report if layer.taken]
    return Totals(
        len(taken),
        len(report),
        sparsity_of([layer for layer in report if layer.sparsity]),
        sparsity_of(report),
        _weighted([(layer.macs, layer.speedup) for layer in taken]),
        _weighted([(layer.macs, layer.measured) for layer in taken]),
    )


def _weighted(layers: list[tuple[int | None, float | None]]) -> float | None:
    known = [(macs, speedup) for macs, speedup in layers if macs and speedup]
    if not known or len(known) < len(layers):
        return None
    return sum(macs for macs, _ in known) / sum(macs / speedup for macs, speedup in known)


def report_data(
    result: ConversionResult, source: str, verification: Verification | None = None
) -> dict[str, Any]:
    """The report as plain data: model, bytes, totals, network, verification and layers.

    Args:
        result, source, verification: as of `to_html`.
    """
    layers = []
    for layer in result.report:
        values = {
            field.name: getattr(layer, field.name)
            for field in dataclasses.fields(layer)
            if field.name not in ("picture", "attributes")
        }
        if layer.attributes is not None:
            values["attributes"] = layer.attributes.as_dict()
        layers.append(values)
    return {
        "model": source,
        "bytes_before": len(result.dense),
        "bytes_after": len(result.model),
        "totals": dataclasses.asdict(totals(result.report)),
        "network": None if result.times is None else dataclasses.asdict(result.times),
        "verification": None if verification is None else dataclasses.asdict(verification),
        "layers": layers,
    }


def to_json(result: ConversionResult, source: str, verification: Verification | None = None) -> str:
    """The report as a JSON object."""
    return json.dumps(report_data(result, source, verification), indent=2) + "\n"


def to_html(result: ConversionResult, source: str, verification: Verification | None = None) -> str:
    """The report as a page that needs no other file and no network.

    Args:
        result: of ubp.convert, measured or not.
        source: what to call the model.
        verification: of `result`, if it was verified.

    Raises:
        ImportError: if Jinja2 or Matplotlib is not installed.
    """
    rows = [_row(layer) for layer in result.report]
    return page(
        _TEMPLATE,
        _INSTEAD,
        source=source,
        result=result,
        verification=verification,
        totals=totals(result.report),
        rows=rows,
        measured=any(layer.measured is not None for layer in result.report),
        scale=max([row["speedup"] or 0 for row in rows] + [row["measured"] or 0 for row in rows]),
    )


def _row(layer: LayerReport) -> dict[str, Any]:
    """What the template shows of a layer."""
    return {
        "name": short_name(layer.name),
        "full_name": layer.name,
        "op": layer.op,
        "shape": "\N{MULTIPLICATION SIGN}".join(map(str, layer.shape)),
        "taken": layer.taken,
        "reason": layer.reason,
        "note": "; ".join(remarks(layer)) if layer.taken else "",
        "sparsity": layer.sparsity,
        "block_size": block_text(layer),
        "num_blocks": layer.num_blocks,
        "bytes_before": layer.bytes_before,
        "bytes_after": layer.bytes_after,
        "speedup": layer.speedup,
        "measured": layer.measured,
        "picture": _data_uri(layer.picture) if layer.taken and layer.picture is not None else None,
        "picture_size": None if layer.picture is None else layer.picture.shape,
    }


def _data_uri(picture: npt.NDArray[np.bool_]) -> str:
    """A PNG with one pixel for each weight; what is not kept is transparent."""
    with extra_needed("an HTML report", _INSTEAD):
        from matplotlib import image
    pixels = np.zeros((*picture.shape, 4), np.uint8)
    pixels[picture] = (0x2A, 0x78, 0xD6, 0xFF)
    stream = io.BytesIO()
    image.imsave(stream, pixels, format="png")
    return "data:image/png;base64," + base64.b64encode(stream.getvalue()).decode()
