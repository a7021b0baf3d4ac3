"""The monthly review (月次レビュー): a month against its targets, and what to change."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from kpi_warehouse.errors import UserError
from kpi_warehouse.published import reading, write_files
from kpi_warehouse.review import history
from kpi_warehouse.review.compose import compose
from kpi_warehouse.review.content import last_complete_month, month_of, read_review
from kpi_warehouse.review.markdown import render_markdown
from kpi_warehouse.review.numbers import JA, LANGUAGES
from kpi_warehouse.review.page import render_page

PAGE = "review.html"
MARKDOWN = "review.md"

__all__ = ["MARKDOWN", "PAGE", "write_review"]


def write_review(
    warehouse: Path,
    as_of: date,
    folder: Path,
    month: str | None = None,
    language: str = JA,
    new_team_months: int = 6,
) -> list[Path]:
    """Write page, Markdown and what the next review compares with into `folder/<month>`.

    Args:
        warehouse: a published warehouse, built as of `as_of`.
        as_of: the last day that is in.
        folder: holds a folder per month.
        month: YYYY-MM; none: the last one that is over.
        language: ja or en.
        new_team_months: months since its start up to which a team is new.

    Raises UserError if the month is none, has not begun or is not in the warehouse, the language is
    not known, an earlier review cannot be read, or there is no warehouse to read.
    """
    if language not in LANGUAGES:
        raise UserError("not a language of the review", f"LANGUAGE {language!r}", "set ja or en")
    wanted = month_of(month) if month else last_complete_month(as_of)
    with reading(warehouse) as connection:
        review = read_review(connection, wanted, as_of, new_team_months)
    against = history.newest_earlier(folder, wanted.first_day, as_of)
    changed = history.restatements(against, review.snapshot) if against else ()
    document = compose(review, language, changed, against)
    target = folder / f"{wanted.first_day:%Y-%m}"
    return write_files(
        {
            target / PAGE: render_page(document).encode(),
            target / MARKDOWN: render_markdown(document).encode(),
            target / history.FILE: history.to_json(review.snapshot, changed, against).encode(),
        }
    )
