"""The review as one page of HTML that needs nothing beside it, on screen and on A4."""

from __future__ import annotations

from pathlib import Path

import jinja2

from kpi_warehouse.console import MISSING
from kpi_warehouse.review.document import Document

TEMPLATE = "page.html.j2"


def render_page(document: Document) -> str:
    """The page; the same document gives the same text."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template(TEMPLATE).render(document=document, MISSING=MISSING)
