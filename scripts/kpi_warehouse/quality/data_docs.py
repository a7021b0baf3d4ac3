"""Data Docs that need no network: Great Expectations' pages without what they load from outside.

The pages that Great Expectations writes load style sheets, scripts, icons and a logo from six
hosts; without them they are unstyled, their index is an empty table, and opening one tells those
hosts. Here every script and every address outside is taken out, one small style sheet put in, and
the index written anew.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import jinja2

_TEMPLATES = Path(__file__).parent
_STYLE = "offline.css"
_REMOTE = r"(?:https?:)?//"
_SCRIPT = re.compile(r"<script\b.*?</script\s*>", re.DOTALL | re.IGNORECASE)
_REMOTE_TAG = re.compile(
    rf"<(?:link|img)\b[^>]*?(?:href|src)\s*=\s*[\"']?{_REMOTE}[^>]*>", re.DOTALL | re.IGNORECASE
)
_REMOTE_ANCHOR = re.compile(
    rf"<a\b[^>]*?href\s*=\s*[\"']?{_REMOTE}[^>]*>(.*?)</a\s*>", re.DOTALL | re.IGNORECASE
)
_REMOTE_URL = re.compile(rf"url\(\s*[\"']?{_REMOTE}[^)]*\)", re.IGNORECASE)
# its path is one level short on every page of a result
_ICON = re.compile(r"<link\b[^>]*shortcut icon[^>]*>", re.IGNORECASE)
_FOOTER = re.compile(r"<footer>.*?</footer>", re.DOTALL)


@dataclass(frozen=True)
class IndexRow:
    """One line of the index: a suite, how it went, and the pattern of its page."""

    name: str
    title_ja: str
    title_en: str
    expectation_count: int
    errors: int
    warnings: int
    page: str


@dataclass(frozen=True)
class IndexFinding:
    """One failed expectation, as the list in the terminal says it."""

    severity: str
    name_ja: str
    name_en: str
    where: str
    expected: str
    found: str
    mend: str


def publish_offline(
    draft: Path,
    target: Path,
    rows: Sequence[IndexRow],
    findings: Sequence[IndexFinding],
    skipped: Sequence[str],
    subtitle: str,
) -> Path:
    """Make the pages in `draft` work without a network and put them in the place of `target`.

    Returns the index page.
    """
    for page in draft.rglob("*.html"):
        up = "../" * (len(page.relative_to(draft).parts) - 1)
        page.write_text(without_network(page.read_text("utf-8"), up), "utf-8")
    for sheet in draft.rglob("*.css"):
        sheet.write_text(_REMOTE_URL.sub("none", sheet.read_text("utf-8")), "utf-8")
    shutil.copyfile(_TEMPLATES / _STYLE, draft / _STYLE)
    links = {row.name: _link(draft, row.page) for row in rows}
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
    )
    (draft / "index.html").write_text(
        environment.get_template("index.html.j2").render(
            rows=rows, links=links, findings=findings, skipped=skipped, subtitle=subtitle
        ),
        "utf-8",
    )
    before = target.with_name(f".{target.name}.before")
    shutil.rmtree(before, ignore_errors=True)
    if target.exists():
        target.rename(before)
    draft.rename(target)
    shutil.rmtree(before, ignore_errors=True)
    return target / "index.html"


def without_network(html: str, up: str) -> str:
    """The page without scripts and without anything that is loaded from or leads to outside.

    `up` leads from the page to the folder of the style sheet, such as `../../`.
    """
    html = _SCRIPT.sub("", html)
    html = _FOOTER.sub("", html)
    html = _ICON.sub("", html)
    html = _REMOTE_TAG.sub("", html)
    html = _REMOTE_ANCHOR.sub(r"\1", html)
    html = _REMOTE_URL.sub("none", html)
    return html.replace("</head>", f'<link rel="stylesheet" href="{up}{_STYLE}"/></head>', 1)


def _link(draft: Path, pattern: str) -> str:
    page = next(iter(sorted(draft.glob(pattern))))
    return page.relative_to(draft).as_posix()
