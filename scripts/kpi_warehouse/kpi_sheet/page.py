"""The KPI sheet as one page of HTML that needs nothing beside it, on screen and on A4."""

from __future__ import annotations

from pathlib import Path

from markupsafe import Markup

from kpi_warehouse.console import MISSING
from kpi_warehouse.html_pages import html_templates
from kpi_warehouse.kpi_sheet import wording
from kpi_warehouse.kpi_sheet.content import Sheet, Text

TEMPLATE = "page.html.j2"


def render_page(sheet: Sheet) -> str:
    """The page; the same sheet gives the same text."""
    environment = html_templates(Path(__file__).parent)
    environment.filters["both"] = _both
    environment.tests["bilingual"] = lambda content: isinstance(content, Text)
    return environment.get_template(TEMPLATE).render(
        sheet=sheet, words=wording, Figure=wording.Figure, MISSING=MISSING
    )


def _both(text: Text, tag: str = "span") -> Markup:
    """Japanese, then English, each marked as such; once if they are the same."""
    if text.ja == text.en:
        return Markup("<{0}>{1}</{0}>").format(tag, text.ja or MISSING)
    return Markup('<{0}>{1}</{0}> <{0} class="en" lang="en">{2}</{0}>').format(
        tag, text.ja, text.en
    )
