"""Tables and facts as HTML; every text is escaped, whoever wrote it."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import jinja2

from kpi_warehouse.console import MISSING
from kpi_warehouse.dashboard.blocks import Chart, Facts, Table
from kpi_warehouse.html_pages import html_templates


def table_html(table: Table) -> str:
    """A table in a box that scrolls sideways."""
    return _template().table(table)


def facts_html(facts: Facts) -> str:
    """Figures side by side."""
    return _template().facts(facts)


def chart_title_html(chart: Chart) -> str:
    """What a chart shows; the chart itself has no room for it."""
    return _template().chart_title(chart)


def styles() -> str:
    """The rules for both, as CSS."""
    return (Path(__file__).parent / "blocks.css").read_text("utf-8")


@cache
def _template() -> jinja2.environment.TemplateModule:
    environment = html_templates(Path(__file__).parent)
    environment.globals["MISSING"] = MISSING
    return environment.get_template("blocks.html.j2").module
