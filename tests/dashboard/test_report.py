"""The report: one file that needs nothing beside it."""

from __future__ import annotations

import re
import subprocess
import sys
from datetime import date
from html.parser import HTMLParser
from pathlib import Path

import pytest

pytest.importorskip("vl_convert", reason="make env-quality installs it")

from kpi_warehouse.errors import UserError
from kpi_warehouse.publishing import Store
from kpi_warehouse.report import write_report
from kpi_warehouse.settings import PROJECT_DIR

LARGEST = 2 * 1024 * 1024


@pytest.fixture
def page(report: Path) -> str:
    assert report.parts[-2:] == ("2026-09", "report.html")
    return report.read_text("utf-8")


class Elements(HTMLParser):
    """Counts elements, and what they refer to."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.counts: dict[str, int] = {}
        self.references: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.counts[tag] = self.counts.get(tag, 0) + 1
        for name, value in attributes:
            if name in ("src", "href", "xlink:href", "action", "data", "poster", "srcset"):
                self.references.append(value or "")


def test_it_is_one_small_file(page: str) -> None:
    assert len(page.encode()) < LARGEST
    elements = Elements(page)
    assert not elements.references
    assert "script" not in elements.counts
    assert "link" not in elements.counts
    assert not re.search(r"url\((?!#)|@import", page)
    # five trends with their channels, and the charts of the other pages
    assert elements.counts["svg"] >= 15
    assert elements.counts["table"] > 8


def test_names_are_text_in_its_charts_too(page: str) -> None:
    assert "&lt;script&gt;" in page
    assert "onerror=alert" in page
    elements = Elements(page)
    assert "img" not in elements.counts
    assert "script" not in elements.counts


def test_an_earlier_month_in_english(store: Store, as_of: date, tmp_path: Path) -> None:
    (path,) = write_report(store.current.folder, as_of, tmp_path, "2026-08", "en")
    text = path.read_text("utf-8")
    # the same marts give the same report
    write_report(store.current.folder, as_of, tmp_path, "2026-08", "en")
    assert path.read_text("utf-8") == text
    assert '<html lang="en">' in text
    assert "Inside-sales KPI report 2026-08" in text


@pytest.mark.parametrize(
    ("month", "language", "message"),
    [
        ("2026-13", "ja", "month"),
        ("2031-01", "ja", "not a month of the published marts"),
        ("2026-08", "fr", "not a language"),
    ],
)
def test_what_cannot_be_is_one_line(
    store: Store, as_of: date, tmp_path: Path, month: str, language: str, message: str
) -> None:
    with pytest.raises(UserError, match=message):
        write_report(store.current.folder, as_of, tmp_path, month, language)


@pytest.mark.parametrize("command", ["report.py"])
def test_without_a_publication_the_command_says_what_to_do(tmp_path: Path, command: str) -> None:
    done = subprocess.run(
        [sys.executable, PROJECT_DIR / "scripts" / command],
        env={"PUBLISH_DIR": str(tmp_path / "none"), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "make build" in done.stderr
