# SPDX-License-Identifier: Apache-2.0
"""Draws docs/pictures: `.venv/bin/python tools/site/pictures.py`; a test holds them to this."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import numpy.typing as npt

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "python"))

import ubp  # noqa: E402

FOLDER = ROOT / "docs" / "pictures"
_COLOURS = ("#0f766e", "#b45309", "#4338ca", "#be185d")  # of the accumulators
_GREY, _INK = "#e5e7eb", "#1f2937"
_FONT = 'font-family="system-ui, sans-serif"'
_CELL = 11


def blocks() -> str:
    """A layer's weights, and what of it is kept in three ways."""
    lanes, channels, kept = 10, 16, 0.8
    rng = np.random.default_rng(114)  # its shares are the averages of 200 draws
    strong = rng.random((lanes, channels)) < 0.12  # from each, strength spreads over neighbours
    spread = sum(np.roll(strong, shift, axis=1) for shift in range(4))
    importance = np.abs(rng.normal(size=(lanes, channels))) * (0.35 + spread)
    ways = (
        ("single weights", 1, "optimal"),
        ("aligned blocks of 4", 4, "aligned"),
        ("unaligned blocks of 4", 4, "optimal"),
    )
    width = channels * _CELL + 22
    parts = []
    for index, (title, block_size, method) in enumerate(ways):
        found = ubp.select_blocks(importance, block_size, sparsity=kept, method=method)
        x = 14 + index * width
        share = f"{found.score / importance.sum():.0%}"
        parts += [
            *_matrix(importance, found, x, 40),
            _text(x, 18, title, bold=True, size=15),
            _text(x, 35, f"{share} is kept", size=15),
        ]
    height = 40 + lanes * _CELL + 24
    parts.append(_text(14, height - 7, "rows: lanes (inputs); columns: output channels", size=13))
    return _svg(width * len(ways), height, parts)


def dataflow() -> str:
    """Four accumulators as a ring over the output channels, at five start channels."""
    size, parts = 4, []
    parts.append(_text(10, 18, "start", bold=True))
    parts.append(_text(118, 18, "channels of accumulators 0 to 3", bold=True))
    parts.append(_text(378, 18, "then", bold=True))
    for start in range(5):
        y = 32 + start * 40
        parts.append(_text(10, y + 19, f"s = {start}"))
        for row in range(size):
            channel = start + (row - start) % size
            x = 118 + row * 62
            final = channel == start
            parts.append(_box(x, y, 54, 28, _COLOURS[row], 1.0 if final else 0.45))
            parts.append(_text(x + 27, y + 19, f"{channel}", fill="#ffffff", middle=True))
        parts.append(_text(378, y + 12, f"channel {start} is final: store it;", size=13))
        parts.append(
            _text(378, y + 26, f"accumulator {start % size} passes on to {start + size}", size=13)
        )
    return _svg(590, 32 + 5 * 40 + 4, parts)


def rotation() -> str:
    """A block that starts at channel 6, in the layer's order and in the ring's."""
    start, size = 6, 4
    orders = (
        ("in the layer", [start + index for index in range(size)]),
        ("in the file", [start + (row - start) % size for row in range(size)]),
    )
    parts = []
    for line, (title, channels) in enumerate(orders):
        y = 12 + line * 64
        parts.append(_text(10, y + 19, title, bold=True))
        for index, channel in enumerate(channels):
            x = 118 + index * 62
            parts.append(_box(x, y, 54, 28, _COLOURS[channel % size], 1.0))
            parts.append(_text(x + 27, y + 19, f"w{channel}", fill="#ffffff", middle=True))
    parts.append(_text(118, 122, "position j: the channel c with c mod 4 = j", size=13))
    return _svg(400, 132, parts)


PICTURES = {"blocks": blocks, "dataflow": dataflow, "rotation": rotation}


def _matrix(
    importance: npt.NDArray[np.float64], found: ubp.Selection, x: float, y: float
) -> Iterable[str]:
    """Cells as dark as they are important; blocks with outlines."""
    mask, largest = found.mask(), importance.max()
    for (lane, channel), value in np.ndenumerate(importance):
        kept = mask[lane, channel]
        strength = 0.15 + 0.85 * value / largest
        left, top = x + channel * _CELL, y + lane * _CELL
        yield _box(left, top, _CELL - 1, _CELL - 1, _COLOURS[0] if kept else _GREY, strength, 0)
    for lane, start in zip(found.lanes, found.starts, strict=True):
        wide, left = found.block_size * _CELL, x + start * _CELL - 0.5
        yield (
            f'<rect x="{left:g}" y="{y + lane * _CELL - 0.5:g}" width="{wide}" height="{_CELL}" '
            f'fill="none" stroke="{_COLOURS[0]}"/>'
        )


def _box(
    x: float, y: float, width: float, height: float, fill: str, opacity: float, radius: int = 4
) -> str:
    return (
        f'<rect x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}" rx="{radius}" '
        f'fill="{fill}" fill-opacity="{opacity:.2f}"/>'
    )


def _text(
    x: float,
    y: float,
    text: str,
    *,
    bold: bool = False,
    size: int = 14,
    fill: str = _INK,
    middle: bool = False,
) -> str:
    style = ' font-weight="600"' * bold + ' text-anchor="middle"' * middle
    return f'<text x="{x:g}" y="{y:g}" font-size="{size}" fill="{fill}"{style}>{text}</text>'


def _svg(width: float, height: float, parts: Iterable[str]) -> str:
    body = "\n".join(parts)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}" '
        f'width="{width:g}" height="{height:g}" {_FONT}>\n'
        f'<rect width="100%" height="100%" fill="#ffffff"/>\n{body}\n</svg>\n'
    )


def main() -> None:
    """Write all of them."""
    FOLDER.mkdir(exist_ok=True)
    for name, draw in PICTURES.items():
        (FOLDER / f"{name}.svg").write_text(draw(), "utf-8")


if __name__ == "__main__":
    main()
