"""A published world with hostile names, the dashboard on it, and a browser to look at it."""

from __future__ import annotations

import importlib.util
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb
import pytest

from integration.conftest import BuiltWorld
from kpi_warehouse.dashboard.view import Choices, View, from_query, read_choices
from kpi_warehouse.published import reading
from kpi_warehouse.publishing import Store
from kpi_warehouse.settings import PROJECT_DIR
from published_marts import publish

if TYPE_CHECKING:
    from playwright.sync_api import Browser

IN_CI = os.environ.get("CI", "").lower() in ("1", "true")
# what a name of a channel, a team or a rep may be, and must be shown as
SCRIPT = "<script>alert('x')</script><img src=http://evil.invalid/x onerror=alert(1)>"
FORMULA = '=cmd|"/c calc"!A1'
MARKDOWN = "[見て](http://evil.invalid) **太字** :red[赤] `code`"
# installed as Debian, macOS and Windows call it
_BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")

Connect = Callable[[], AbstractContextManager[duckdb.DuckDBPyConnection]]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Without the group dashboard nothing here can run: skipped on a user's machine."""
    if importlib.util.find_spec("streamlit") and importlib.util.find_spec("vl_convert"):
        return
    if IN_CI:
        raise RuntimeError("streamlit is not installed; run the tests by make test")
    skip = pytest.mark.skip(reason="group dashboard is not installed; make env-quality does")
    folder = Path(__file__).parent
    for item in items:
        if folder in item.path.parents:
            item.add_marker(skip)


def absent(reason: str) -> None:
    """Skip on a user's machine, fail in CI."""
    if IN_CI:
        pytest.fail(f"{reason} (CI has to have it)")
    pytest.skip(reason)


@pytest.fixture(scope="session")
def store(quick_world: BuiltWorld, tmp_path_factory: pytest.TempPathFactory) -> Store:
    """The world published, with names that nobody should have."""
    folder = tmp_path_factory.mktemp("dashboard")
    database = Path(shutil.copy(quick_world.warehouse, folder / "built.duckdb"))
    with duckdb.connect(str(database)) as connection:
        for channel, name in (("webinar", SCRIPT), ("dm", FORMULA), ("seminar", MARKDOWN)):
            changed = connection.execute(
                "update marts.dim_channels set name_ja = $name, name_en = $name "
                "where channel_id = $channel",
                {"name": name, "channel": channel},
            ).fetchall()
            assert changed == [(1,)]
        # as if September were not over
        for table in ("kpi_cohort_conversion", "kpi_cohort_conversion_total"):
            connection.execute(
                f"update marts.{table} set is_mature = false where cohort_month = '2026-09-01'"
            )
        connection.execute("update marts.dim_reps set name = $name", {"name": FORMULA})
        connection.execute(
            "insert into marts.data_quality_findings by name (select * replace ($code as detail) "
            "from marts.data_quality_findings where rule like 'unmapped%' limit 1)",
            {"code": SCRIPT},
        )
    store = Store(folder / "published")
    publish(store, database, quick_world.log.as_of_date)
    return store


@pytest.fixture(scope="session")
def connect(store: Store) -> Connect:
    """Opens the published marts."""
    return lambda: reading(store.current.folder)


@pytest.fixture(scope="session")
def as_of(store: Store) -> date:
    return date.fromisoformat(store.current.publication["as_of_date"])


@pytest.fixture(scope="session")
def choices(connect: Connect, as_of: date) -> Choices:
    with connect() as connection:
        return read_choices(connection, as_of)


@pytest.fixture(scope="session")
def view_of(choices: Choices) -> Callable[..., View]:
    """The view that an address asks for."""
    return lambda **query: from_query(query, choices)


@pytest.fixture(scope="session")
def address(store: Store, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A dashboard of the command, on a port that is free."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    log = tmp_path_factory.mktemp("server") / "log"
    with log.open("w") as output:
        server = subprocess.Popen(
            [sys.executable, PROJECT_DIR / "scripts" / "dashboard.py", "--port", str(port)],
            env=os.environ | {"PUBLISH_DIR": str(store.folder)},
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    address = f"http://127.0.0.1:{port}"
    try:
        deadline = time.monotonic() + 60
        while server.poll() is None and time.monotonic() < deadline:
            with socket.socket() as knock:
                if knock.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.1)
        else:
            pytest.fail(f"the dashboard did not start: {log.read_text('utf-8')}")
        yield address
    finally:
        server.terminate()
        server.wait(20)
    assert "Traceback" not in log.read_text("utf-8")


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Chromium without a window."""
    found = next(filter(None, map(shutil.which, _BROWSERS)), None)
    if found is None or importlib.util.find_spec("playwright") is None:
        absent("Chromium is not installed; apt-get install chromium fonts-noto-cjk")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        # a container's root has no sandbox; the pages are our own
        browser = playwright.chromium.launch(executable_path=found, args=["--no-sandbox"])
        yield browser
        browser.close()
