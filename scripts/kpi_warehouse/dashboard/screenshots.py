"""Pictures of the dashboard's pages, for the managers' guide."""

from __future__ import annotations

import io
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, sync_playwright
from playwright.sync_api import Page as BrowserPage

from kpi_warehouse.dashboard.pages import PAGES, Page
from kpi_warehouse.errors import UserError

# as Debian, macOS and others call it
_BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")
# as wide as a laptop, and no higher than a page of the guide
_WIDTH, _HIGHEST = 1280, 1500
# flat colours: a palette loses nothing that is seen
_COLOURS = 256
SETTLED = """() =>
    document.querySelector('[data-testid=stApp][data-test-script-state=notRunning]')
    && document.querySelector('[data-testid=stMain] .kpi-table')
    && document.querySelectorAll('[data-testid=stMain] [data-stale=true]').length === 0
"""
"""Whether the app has answered and drawn, in the browser's language."""


@contextmanager
def chromium() -> Iterator[Browser]:
    """Chromium without a window. Raises UserError if there is none on this machine."""
    program = next(filter(None, map(shutil.which, _BROWSERS)), None)
    if program is None:
        raise UserError("is not installed", "Chromium", "apt-get install chromium fonts-noto-cjk")
    with sync_playwright() as playwright:
        # a container's root has no sandbox; the pages are our own
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield browser
        browser.close()


def take(browser: Browser, address: str, folder: Path, pages: Sequence[Page] = PAGES) -> list[Path]:
    """Write a picture of each page, in Japanese and as it is opened, as `<page>.png`."""
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    page = browser.new_page(viewport={"width": _WIDTH, "height": 900})
    for each in pages:
        page.goto(f"{address}/?page={each.page_id}&lang=ja&kpi=connection_rate")
        path = folder / f"{each.page_id}.png"
        path.write_bytes(_picture(page))
        written.append(path)
    page.close()
    return written


def _picture(page: BrowserPage) -> bytes:
    page.wait_for_function(SETTLED)
    page.wait_for_load_state("networkidle")
    height = page.evaluate("document.querySelector('[data-testid=stMain]').scrollHeight")
    page.set_viewport_size({"width": _WIDTH, "height": min(height, _HIGHEST)})
    page.wait_for_load_state("networkidle")
    image = Image.open(io.BytesIO(page.screenshot(animations="disabled")))
    content = io.BytesIO()
    image.convert("RGB").quantize(_COLOURS).save(content, "PNG", optimize=True)
    return content.getvalue()
