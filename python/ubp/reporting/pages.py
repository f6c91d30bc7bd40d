# SPDX-License-Identifier: Apache-2.0
"""Pages: the templates, filled in."""

from __future__ import annotations

from typing import Any

from ubp.extras import extra_needed


def page(template: str, instead: str = "", **values: Any) -> str:
    """A page that needs no other file and no network.

    Args:
        template: the name of a file in templates/.
        instead: what there is to do without Jinja2, such as "write a .json report".
        values: what the template shows, by name; all that it names has to be there.

    Raises:
        ImportError: if Jinja2 is not installed.
    """
    with extra_needed("an HTML report", instead):
        import jinja2
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("ubp.reporting"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    text: str = environment.get_template(template).render(values)
    return text
