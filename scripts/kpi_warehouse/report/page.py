"""The report as one page of HTML that needs nothing beside it: charts are drawn into it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import vl_convert
from markupsafe import Markup

from kpi_warehouse.dashboard.blocks import Block, Chart, Facts, Heading, Note, Spec, Table
from kpi_warehouse.dashboard.html import facts_html, styles, table_html
from kpi_warehouse.dashboard.view import View
from kpi_warehouse.html_pages import html_templates

TEMPLATE = "page.html.j2"
# in CSS pixels: a trend and its channels twice on a page of A4
_WIDTH, _HEIGHT = 860, 190


@dataclass(frozen=True)
class Section:
    """A page of the dashboard: what it answers, and its blocks."""

    section_id: str
    name: str
    question: str
    blocks: tuple[Block, ...]


def render_page(view: View, title: str, as_of: date, sections: Sequence[Section]) -> str:
    """The page; the same sections give the same text."""
    environment = html_templates(Path(__file__).parent)
    return environment.get_template(TEMPLATE).render(
        language=view.language,
        title=title,
        as_of=view.say(f"基準日 {as_of}", f"As of {as_of}"),
        numbers=view.say("数値", "Numbers"),
        # our own rules and markup whose every text is escaped
        styles=Markup(styles()),  # noqa: S704
        sections=[(section, _shown(section.blocks)) for section in sections],
    )


def _shown(blocks: Sequence[Block]) -> list[dict[str, Any]]:
    """What the template writes: the kind of each block, and its markup or text.

    A table beneath a chart holds the chart's numbers: on screen it opens on demand.
    """
    shown: list[dict[str, Any]] = []
    after_chart = False
    for block in blocks:
        match block:
            case Heading():
                shown.append({"kind": "heading", "text": block.text})
            case Note():
                shown.append({"kind": "note", "text": block.text, "is_warning": block.is_warning})
            case Facts():
                shown.append({"kind": "markup", "markup": Markup(facts_html(block))})  # noqa: S704
            case Chart():
                drawing = Markup(_drawn(block.spec))  # noqa: S704
                shown.append({"kind": "chart", "chart": block, "markup": drawing})
            case Table():
                kind = "numbers" if after_chart else "markup"
                shown.append({"kind": kind, "markup": Markup(table_html(block))})  # noqa: S704
        after_chart = isinstance(block, Chart) or (after_chart and isinstance(block, Note))
    return shown


def _drawn(spec: Spec) -> str:
    """A chart as SVG, texts as texts; what it shows is said around it, once."""
    if spec.get("width") == "container":
        height = spec.get("height")
        lower = {"height": min(height, _HEIGHT)} if isinstance(height, int) else {}
        spec = spec | {"width": _WIDTH} | lower
    return vl_convert.vegalite_to_svg(spec).replace("<svg ", '<svg aria-hidden="true" ', 1)
