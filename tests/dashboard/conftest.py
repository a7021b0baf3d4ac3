"""A published world with hostile names, the dashboard on it, and a browser to look at it."""

from __future__ import annotations

import importlib.util
import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb
import pytest

from integration.conftest import BuiltWorld
from kpi_warehouse.dashboard.serving import serving
from kpi_warehouse.dashboard.view import Choices, View, from_query, read_choices
from kpi_warehouse.errors import UserError
from kpi_warehouse.published import reading
from kpi_warehouse.publishing import Store
from needs import IN_CI, absent
from published_marts import publish

if TYPE_CHECKING:
    from playwright.sync_api import Browser

# what a name of a channel, a team or a rep may be, and must be shown as
SCRIPT = "<script>alert('x')</script><img src=http://evil.invalid/x onerror=alert(1)>"
FORMULA = '=cmd|"/c calc"!A1'
MARKDOWN = "[見て](http://evil.invalid) **太字** :red[赤] `code`"

if IN_CI and not (importlib.util.find_spec("streamlit") and importlib.util.find_spec("playwright")):
    raise RuntimeError("streamlit and playwright are not installed; run the tests by make test")

Connect = Callable[[], AbstractContextManager[duckdb.DuckDBPyConnection]]


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
def report(store: Store, as_of: date, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The report of the last month that is over."""
    pytest.importorskip("vl_convert", reason="make env-quality installs it")
    from kpi_warehouse.report import write_report

    (path,) = write_report(store.current.folder, as_of, tmp_path_factory.mktemp("report"))
    return path


@pytest.fixture(scope="module")
def address(store: Store) -> Iterator[str]:
    """A dashboard of the command, on a port that is free."""
    with serving(store.folder) as address:
        yield address


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium without a window."""
    from kpi_warehouse.dashboard.screenshots import chromium

    try:
        with chromium() as browser:
            yield browser
    except UserError as error:
        absent(str(error))
