# SPDX-License-Identifier: Apache-2.0
"""Page: a mapping as one self-contained HTML file."""

from __future__ import annotations

import io

from ubp.extras import extra_needed
from ubp.mapping.scheme_mapping import SchemeMapping, time_text
from ubp.reporting.pages import page

_TEMPLATE = "mapping.html"


def mapping_page(mapping: SchemeMapping) -> str:
    """The page: the times of layers before and after, what other budgets buy, and the table.

    Raises:
        ImportError: if Jinja2 or Matplotlib is not installed.
    """

    def shown(us: float) -> str:
        return time_text(us, mapping.is_timed)

    return page(
        _TEMPLATE, mapping=mapping, shown=shown, times=_times(mapping), front=_front(mapping)
    )


def _times(mapping: SchemeMapping) -> str:
    axes = mapping.plot()
    return _svg(axes)


def _front(mapping: SchemeMapping) -> str:
    """Importance kept over time, of this mapping and of those for other budgets."""
    with extra_needed("an HTML report"):
        import matplotlib.pyplot as plt
    unit = 1e3 if mapping.is_timed else 1e6
    _, axes = plt.subplots(figsize=(7.0, 3.4), layout="constrained")
    points = sorted(
        [(other.us / unit, other.kept) for other in mapping.alternatives]
        + [(mapping.us / unit, mapping.kept)]
    )
    axes.plot(*zip(*points, strict=True), "o-", color="#2A78D6", markersize=5)
    axes.plot(mapping.us / unit, mapping.kept, "o", color="#C2571A", markersize=9, zorder=3)
    axes.set_xlabel("milliseconds" if mapping.is_timed else "million multiply-adds")
    axes.set_ylabel("importance kept")
    axes.grid(color="#E0E0E0", linewidth=0.8)
    axes.set_axisbelow(True)
    return _svg(axes)


def _svg(axes: object) -> str:
    """The figure of axes as an element of a page; the figure is closed."""
    with extra_needed("an HTML report"):
        import matplotlib.pyplot as plt
    figure = axes.figure  # type: ignore[attr-defined]
    stream = io.StringIO()
    figure.savefig(stream, format="svg", metadata={"Date": None})
    plt.close(figure)
    text = stream.getvalue()
    return text[text.index("<svg") :]
