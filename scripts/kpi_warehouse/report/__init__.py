"""The report: the dashboard's main charts of a month as one file that can be mailed and printed."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path

from kpi_warehouse.dashboard.blocks import Chart
from kpi_warehouse.dashboard.pages import PAGES, Page
from kpi_warehouse.dashboard.view import MONTH, Choices, View, from_query, read_choices
from kpi_warehouse.errors import UserError
from kpi_warehouse.published import Text, reading, write_files
from kpi_warehouse.report.page import Section, render_page
from kpi_warehouse.review.content import month_of
from kpi_warehouse.review.numbers import JA, LANGUAGES

PAGE = "report.html"
# what a page of the dashboard shows for one KPI, the report shows for those
_TRENDS = ("calls_made", "connection_rate", "meetings", "qualified_meeting_rate", "won_amount")
_PEOPLE = ("connection_rate", "meetings")
_SHOWN = ("funnel", "trends", "people", "hours", "cohorts", "goals")

__all__ = ["PAGE", "write_report"]


def write_report(
    version: Path, as_of: date, folder: Path, month: str | None = None, language: str = JA
) -> list[Path]:
    """Write the report of a month into `folder/<month>`.

    Args:
        version: the folder of a published version.
        as_of: the last day that is in.
        folder: holds a folder per month.
        month: YYYY-MM; none: the last one that is over.
        language: ja or en.

    Raises UserError if the month is none, has not begun or is not in the marts, the language is not
    known, or there are no marts to read.
    """
    if language not in LANGUAGES:
        raise UserError("not a language of the report", f"LANGUAGE {language!r}", "set ja or en")
    wanted = month_of(month).first_day if month else None
    with reading(version) as connection:
        choices = read_choices(connection, as_of)
        period = choices.period(MONTH, wanted)
        if period is None:
            raise UserError(
                "not a month of the published marts", f"MONTH {month}", "choose one that has begun"
            )
        query = {"lang": language, "grain": MONTH, "period": period.start.isoformat()}
        view = from_query(query, choices)
        sections = [
            Section(
                page.page_id,
                view.of(page.name),
                view.of(page.question),
                tuple(
                    block
                    for of_kpi in _views(page, view, choices)
                    for block in page.compose(connection, of_kpi, choices)
                    if page.page_id != "trends" or isinstance(block, Chart)
                ),
            )
            for page in PAGES
            if page.page_id in _SHOWN
        ]
    title = Text(
        f"インサイドセールスKPIレポート {period.label.ja}",
        f"Inside-sales KPI report {period.label.en}",
    )
    html = render_page(view, view.of(title), as_of, sections)
    return write_files({folder / f"{period.start:%Y-%m}" / PAGE: html.encode()})


def _views(page: Page, view: View, choices: Choices) -> list[View]:
    """The views of a page that the report shows: one, or one per KPI."""
    kpis = {"trends": _TRENDS, "people": _PEOPLE}.get(page.page_id)
    if kpis is None:
        return [view]
    return [replace(view, kpi=kpi) for kpi in kpis if kpi in choices.kpis]
