"""The dashboard and the report in a real browser: what a manager sees, and what it asks for."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

import polars as pl
import pytest

from dashboard.conftest import FORMULA, MARKDOWN, SCRIPT, Connect

pytest.importorskip("playwright", reason="make env-quality installs it")

from PIL import Image

from kpi_warehouse.dashboard.blocks import Block, Facts, Table
from kpi_warehouse.dashboard.pages import PAGES
from kpi_warehouse.dashboard.screenshots import SETTLED, take
from kpi_warehouse.dashboard.view import Choices, View

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page

DESKTOP, PHONE = (1400, 1000), (390, 844)
# of hostile names, which their markup would ask for
OUTSIDE = "evil.invalid"


@dataclass
class Watched:
    """A page of a browser, what its console said and what it asked for elsewhere."""

    page: Page
    errors: list[str] = field(default_factory=list)
    elsewhere: list[str] = field(default_factory=list)

    def check(self) -> None:
        assert self.errors == []
        assert self.elsewhere == []

    def settle(self) -> None:
        """Wait until the app has answered and drawn."""
        self.page.wait_for_function(SETTLED)
        self.page.wait_for_load_state("networkidle")

    def tables(self) -> list[list[list[str]]]:
        """Each table's rows of cells: what is read in the cell, without the note beneath."""
        return self.page.evaluate(
            """() => [...document.querySelectorAll('.kpi-table')].map(table =>
                [...table.tBodies[0].rows].map(row => [...row.cells].map(cell => {
                    const note = cell.querySelector('.kpi-note')
                    const text = cell.textContent
                    return (note ? text.slice(0, text.lastIndexOf(note.textContent)) : text).trim()
                })))"""
        )

    def query(self) -> dict[str, str]:
        return {name: values[0] for name, values in parse_qs(urlsplit(self.page.url).query).items()}

    def choose(self, label: str, option: str) -> None:
        """Choose in a filter box, as by hand."""
        box = self.page.get_by_role("combobox", name=label)
        box.click()
        self.page.keyboard.type(option)
        self.page.get_by_role("option", name=option, exact=True).click()
        self.settle()


@pytest.fixture(scope="module")
def context(browser: Browser) -> Iterator[BrowserContext]:
    """One for all, so that what every page needs is fetched once."""
    context = browser.new_context()
    yield context
    context.close()


def watch(context: BrowserContext, url: str, own: str, size: tuple[int, int]) -> Watched:
    """Open a page; what begins with `own` is the dashboard's."""
    page = context.new_page()
    page.set_viewport_size({"width": size[0], "height": size[1]})
    watched = Watched(page)

    def asked(wanted: str) -> None:
        if not wanted.startswith((own, own.replace("http", "ws"), "data:", "blob:")):
            watched.elsewhere.append(wanted)

    def said(message: ConsoleMessage) -> None:
        if message.type == "error":
            watched.errors.append(message.text)

    page.on("request", lambda request: asked(request.url))
    page.on("websocket", lambda socket: asked(socket.url))
    page.on("pageerror", lambda error: watched.errors.append(str(error)))
    page.on("console", said)
    page.goto(url)
    return watched


@pytest.fixture
def look(context: BrowserContext, address: str) -> Iterator[Callable[..., Watched]]:
    """Opens a page of the dashboard."""
    opened = []

    def at(query: str = "", size: tuple[int, int] = DESKTOP) -> Watched:
        opened.append(watch(context, f"{address}{query}", address, size))
        return opened[-1]

    yield at
    for watched in opened:
        watched.page.close()


@pytest.fixture
def compose(
    connect: Connect, choices: Choices, view_of: Callable[..., View]
) -> Callable[..., Sequence[Block]]:
    pages = {page.page_id: page for page in PAGES}

    def blocks(page_id: str, **query: str) -> Sequence[Block]:
        with connect() as connection:
            return pages[page_id].compose(connection, view_of(**query), choices)

    return blocks


def cells(blocks: Sequence[Block]) -> list[list[list[str]]]:
    return [
        [[cell.text.strip() for cell in row] for row in block.rows]
        for block in blocks
        if isinstance(block, Table)
    ]


def violations(page: Page) -> list[str]:
    """What axe-core finds wrong, a line each."""
    from axe_playwright_python.sync_playwright import Axe

    found = Axe().run(page).response["violations"]
    return [
        f"{each['id']} ({each['impact']}): {node['html'][:200]}"
        for each in found
        for node in each["nodes"]
    ]


@pytest.fixture(scope="module")
def desk(context: BrowserContext, address: str) -> Watched:
    """A page on a desk that stays open."""
    return watch(context, f"{address}/?kpi=connection_rate", address, DESKTOP)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.page_id)
def test_every_page_on_a_desk_by_its_button(
    desk: Watched, compose: Callable[..., Sequence[Block]], page: object
) -> None:
    desk.settle()
    desk.page.get_by_role("button", name=page.name.ja, exact=True).click()
    desk.page.wait_for_function(
        "name => document.querySelector('h1').innerText === name", arg=page.name.ja
    )
    check_page(desk, page, "ja", compose)


@pytest.mark.parametrize("page", PAGES[::2], ids=lambda page: page.page_id)
def test_every_other_page_on_a_phone_by_its_address(
    look: Callable[..., Watched], compose: Callable[..., Sequence[Block]], page: object
) -> None:
    check_page(
        look(f"/?page={page.page_id}&lang=en&kpi=connection_rate", PHONE), page, "en", compose
    )


def check_page(
    watched: Watched, page: object, language: str, compose: Callable[..., Sequence[Block]]
) -> None:
    """Its numbers are the marts', axe-core finds nothing, the console is silent."""
    watched.settle()
    blocks = compose(page.page_id, lang=language, kpi="connection_rate")
    assert watched.page.locator("h1").inner_text() == getattr(page.name, language)
    assert watched.tables() == cells(blocks)
    facts = [fact.text for each in blocks if isinstance(each, Facts) for fact in each.facts]
    shown = watched.page.evaluate(
        "() => [...document.querySelectorAll('.kpi-facts dd')].map(dd => dd.firstChild.data)"
    )
    assert [text.strip() for text in shown] == facts
    assert watched.page.evaluate("document.documentElement.lang") == language
    # the page itself never scrolls sideways; tables and charts do within their box
    assert watched.page.evaluate(
        "document.documentElement.scrollWidth <= document.documentElement.clientWidth"
    )
    assert violations(watched.page) == []
    watched.check()


def test_charts_are_drawn_with_their_texts(
    look: Callable[..., Watched], compose: Callable[..., Sequence[Block]]
) -> None:
    watched = look("/?page=funnel&period=2026-08-01")
    watched.settle()
    drawn = watched.page.locator("[data-testid=stVegaLiteChart] svg text")
    drawn.first.wait_for()
    texts = set(drawn.all_text_contents())
    table = next(each for each in compose("funnel", period="2026-08-01") if isinstance(each, Table))
    calls = [row[2].text for row in table.rows[1:]]
    assert len(calls) > 5
    assert set(calls) <= texts
    watched.check()


def test_filters_work_by_hand_and_live_in_the_address(look: Callable[..., Watched]) -> None:
    watched = look()
    watched.settle()
    before = watched.tables()
    watched.choose("チャネル", "Web問い合わせ")
    watched.choose("粒度", "四半期")
    assert watched.query()["channel"] == "web_inquiry"
    assert watched.query()["grain"] == "quarter"
    chosen = watched.tables()
    assert chosen != before
    watched.page.get_by_role("button", name="推移").click()
    watched.page.wait_for_function("() => document.querySelector('h1').innerText === '推移'")
    watched.settle()
    assert watched.query()["channel"] == "web_inquiry"
    trend, url = watched.tables(), watched.page.url
    watched.page.reload()
    watched.settle()
    assert watched.page.url == url
    assert watched.tables() == trend
    # somebody else opens the address
    other = look(urlsplit(url)._replace(scheme="", netloc="").geturl())
    other.settle()
    assert other.tables() == trend
    watched.check()


def test_it_can_be_used_without_a_mouse(look: Callable[..., Watched]) -> None:
    watched = look("/?page=hours")
    watched.settle()
    focused = "() => (document.activeElement.innerText || document.activeElement.ariaLabel || '')"
    seen = []
    for _ in range(40):
        watched.page.keyboard.press("Tab")
        seen.append(watched.page.evaluate(focused))
        if "推移" in seen[-1]:
            break
    assert "推移" in seen[-1], seen
    watched.page.keyboard.press("Enter")
    watched.page.wait_for_function("() => document.querySelector('h1').innerText === '推移'")
    assert watched.query()["page"] == "trends"


def test_names_are_shown_as_they_are(look: Callable[..., Watched]) -> None:
    watched = look("/?page=funnel&grain=fiscal_year")
    watched.settle()
    names = [row[0] for row in watched.tables()[-1]]
    assert {SCRIPT, FORMULA, MARKDOWN} <= set(names)
    drawn = watched.page.locator("[data-testid=stVegaLiteChart] svg").first
    drawn.locator("text").first.wait_for()
    assert "<script" in "".join(drawn.locator("text").all_text_contents())
    watched.page.get_by_role("combobox", name="チャネル").click()
    options = watched.page.get_by_role("option").all_text_contents()
    assert SCRIPT in options
    assert MARKDOWN in options
    watched.page.keyboard.press("Escape")
    for page in ("trends", "people", "quality"):
        watched.page.goto(re.sub(r"page=\w+", f"page={page}", watched.page.url))
        watched.settle()
        assert watched.page.locator(f"[href*='{OUTSIDE}'], [src*='{OUTSIDE}']").count() == 0
    watched.check()


def test_a_download_is_what_is_shown_and_no_formula(look: Callable[..., Watched]) -> None:
    watched = look("/?page=funnel&grain=fiscal_year")
    watched.settle()
    with watched.page.expect_download() as waiting:
        watched.page.get_by_role("button", name="CSVをダウンロード").first.click()
    content = Path(waiting.value.path()).read_bytes()
    assert waiting.value.suggested_filename == "funnel_by_channel.csv"
    rows = pl.read_csv(io.BytesIO(content), infer_schema=False)
    assert f"'{FORMULA}" in rows["チャネル"].to_list()
    assert SCRIPT in rows["チャネル"].to_list()
    calls = rows.filter((pl.col("kpi_id") == "calls_made") & (pl.col("チャネル") == SCRIPT))
    (shown,) = (row[2] for row in watched.tables()[-1] if row[0] == SCRIPT)
    assert f"{float(calls['値'][0]):,.0f}" == shown


def test_it_prints_without_its_controls(look: Callable[..., Watched]) -> None:
    watched = look("/?page=goals")
    watched.settle()
    watched.page.emulate_media(media="print")
    assert not watched.page.locator("[data-testid=stSidebar]").is_visible()
    assert not watched.page.get_by_text("CSVをダウンロード").first.is_visible()
    # all of the page, not the part that a screen shows
    cut_off = watched.page.evaluate(
        """() => [...document.querySelectorAll('[data-testid=stMain], [data-testid=stApp]')]
            .filter(each => getComputedStyle(each).overflowY !== 'visible').length"""
    )
    assert cut_off == 0
    assert watched.page.evaluate(
        "() => document.documentElement.scrollHeight >= "
        "[...document.querySelectorAll('.kpi-table')].at(-1).getBoundingClientRect().bottom"
    )


def test_there_is_nothing_to_deploy_and_nobody_is_told(look: Callable[..., Watched]) -> None:
    watched = look()
    watched.settle()
    assert watched.page.get_by_text("Deploy").count() == 0
    watched.check()


def test_the_report_opens_from_a_file_and_prints(browser: Browser, report: Path) -> None:
    context = browser.new_context(viewport={"width": 1200, "height": 900}, offline=True)
    page = context.new_page()
    asked, errors = [], []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda said: errors.append(said.text))
    page.goto(report.as_uri())
    assert asked == [report.as_uri()]
    assert errors == []
    assert page.locator("svg").count() >= 15
    assert violations(page) == []
    page.set_viewport_size({"width": PHONE[0], "height": PHONE[1]})
    assert page.evaluate(
        "document.documentElement.scrollWidth <= document.documentElement.clientWidth"
    )
    page.emulate_media(media="print")
    page.set_viewport_size({"width": 720, "height": 1000})
    too_wide = page.evaluate(
        "() => [...document.querySelectorAll('svg')]"
        ".filter(svg => svg.getBoundingClientRect().right > innerWidth).length"
    )
    assert too_wide == 0
    context.close()


def test_a_screenshot_shows_a_whole_page(address: str, tmp_path: Path, browser: Browser) -> None:
    (path,) = take(browser, address, tmp_path / "images", PAGES[6:7])
    assert path.name == "goals.png"
    width, height = Image.open(path).size
    assert width == 1280
    assert 900 < height <= 1500
    assert path.stat().st_size < 300_000
