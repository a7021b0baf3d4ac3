"""The review as one page of HTML that needs nothing beside it, on screen and on A4."""

from __future__ import annotations

from pathlib import Path

from kpi_warehouse.console import MISSING
from kpi_warehouse.html_pages import html_templates
from kpi_warehouse.review.document import Document

TEMPLATE = "page.html.j2"


def render_page(document: Document) -> str:
    """The page; the same document gives the same text."""
    environment = html_templates(Path(__file__).parent)
    return environment.get_template(TEMPLATE).render(document=document, MISSING=MISSING)
