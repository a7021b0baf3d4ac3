"""A small world whose past changes one way at a time: kpi_revisions holds exactly these changes."""

from __future__ import annotations

import csv
import datetime as dt
import shutil
from collections.abc import Callable
from pathlib import Path

import duckdb
import polars as pl
import pytest

from integration.conftest import BuiltWorld, land_extracts, land_world
from kpi_warehouse.publishing import Build, Store, publishing
from kpi_warehouse.settings import PROJECT_DIR
from kpi_warehouse.world import WorldOptions

TARGETS = (
    *("kpi_by_period", "kpi_by_channel_period", "fct_activities", "fct_opportunities"),
    *("fct_leads", "fct_appointments", "fct_working_hours", "fct_campaign_costs"),
)
MONTH = dt.date(2025, 9, 1)
LATE_AT = dt.datetime(2025, 9, 14, 3, tzinfo=dt.UTC)
CODE = "応答なし"
KEY = "kpi_id, basis, channel_id, month"


class Publications:
    """One world, published again after each change of its extracts or of what was agreed."""

    def __init__(self, folder: Path) -> None:
        self.world: BuiltWorld = land_world(
            folder, WorldOptions(activities=2_000), file_format="parquet"
        )
        self.store = Store(folder / "published")
        self.registry = folder / "project" / "seeds" / "registry"
        shutil.copytree(PROJECT_DIR / "seeds", self.registry.parent)
        shutil.copy(PROJECT_DIR / "dbt_project.yml", self.registry.parent.parent)
        parts = sorted((folder / "extracts" / "generic").glob("calls*.parquet"))
        self.calls = pl.concat([pl.read_parquet(part) for part in parts])
        for part in parts[1:]:
            part.unlink()
        self._calls_file = parts[0]

    def deliver(self, calls: pl.DataFrame) -> None:
        """Extracts with these calls, landed and built."""
        calls.write_parquet(self._calls_file)
        self.world = land_extracts(self.world.folder, self.world.log)
        self.world.build_quickly(*TARGETS)

    def agree(self, seed: str, change: Callable[[list[dict[str, str]]], None], sql: str) -> None:
        """Change a seed in the copy of the registry and in the warehouse, and build below it."""
        path = next(self.registry.parent.glob(f"*/{seed}.csv"))
        with path.open(encoding="utf-8", newline="") as stream:
            rows = list(csv.DictReader(stream))
        change(rows)
        with path.open("w", encoding="utf-8", newline="") as stream:
            writer = csv.DictWriter(stream, list(rows[0]), lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)
        with duckdb.connect(str(self.world.warehouse)) as connection:
            connection.execute(sql)

    def publish(self) -> None:
        """Publish what is built, and hold the keys of the revisions against the two files."""
        build = Build(self.world.warehouse, self.world.log.as_of_date, registry=self.registry)
        before = self.store.current
        with self.store.writing(), publishing(self.store, build, 9) as show:
            show()
        if before is None:
            return
        with duckdb.connect() as connection:
            for name, version in (("old", before), ("new", self.store.current)):
                connection.execute(f"attach '{version.database}' as {name} (read_only)")
            expected = connection.execute(_DIFFERENCES).fetchall()
        assert expected
        assert self.rows(KEY) == expected

    def rows(self, columns: str, where: str = "true") -> list[tuple]:
        """Of the revisions that the current version added."""
        with duckdb.connect(str(self.store.current.database), read_only=True) as connection:
            return connection.execute(
                f"select distinct {columns} from marts.kpi_revisions "
                f"where version = '{self.store.current.name}' and {where} order by all"
            ).fetchall()


_VALUES = """
    select kpi_id, basis, 'all' as channel_id, period_start as month, numerator, denominator, value
    from {catalog}.marts.kpi_by_period
    where period_grain = 'month' and is_complete and is_mature
    union all
    select kpi_id, basis, channel_id, period_start as month, numerator, denominator, value
    from {catalog}.marts.kpi_by_channel_period
    where period_grain = 'month' and is_complete and is_mature
"""
# what is no number on one side or the other differs by text, sums of floating point by a hair
_DIFFERENCES = f"""
    select {KEY} from (
        select {KEY}, numerator, denominator, round(value, 6) as value
        from ({_VALUES.format(catalog="old")})
        except
        select {KEY}, numerator, denominator, round(value, 6)
        from ({_VALUES.format(catalog="new")})
    )
    order by all
"""


@pytest.fixture(scope="module")
def publications(tmp_path_factory: pytest.TempPathFactory) -> Publications:
    return Publications(tmp_path_factory.mktemp("revisions"))


def test_the_past_changes_and_each_change_has_its_reason(publications):
    """In one test, as each publication is compared with the one before."""
    calls = publications.calls
    of_month = calls.filter(
        (pl.col("started_at").dt.strftime("%Y-%m") == f"{MONTH:%Y-%m}")
        & (pl.col("direction") == "outbound")
        & (pl.col("disposition") == CODE)
    )
    # nobody's second record of another call; the first is in the month before the others
    more = of_month[:5].with_columns(
        call_id="late-" + pl.col("call_id"),
        to_number=pl.lit("+8131234500") + pl.int_range(5).cast(pl.String),
        started_at=pl.Series([LATE_AT - dt.timedelta(days=31)] + [LATE_AT] * 4)
        + pl.duration(minutes=pl.int_range(5) * 30),
        answered_at=None,
        ended_at=None,
        parent_call_id=None,
        external_call_id=None,
        logged_by=pl.lit("dialer"),
    )
    more = pl.concat([calls.head(0), more.cast(dict(calls.schema))])
    wrong, late = more[:1], more[1:]
    corrected = wrong.with_columns(
        disposition=pl.lit("担当者接続"), answered_at=pl.col("started_at")
    )
    publications.deliver(pl.concat([calls, wrong]))
    publications.publish()

    publications.deliver(pl.concat([calls, corrected, late]))
    publications.publish()
    columns = "month, reasons, new_numerator - old_numerator, late_rows, corrected_rows"
    where = "kpi_id = '{}' and basis = 'event' and channel_id = 'all'"
    assert publications.rows(columns, where.format("calls_made")) == [(MONTH, "late_rows", 4, 4, 0)]
    assert publications.rows(columns, where.format("connection_rate")) == [
        (dt.date(2025, 8, 1), "corrected_rows", 1, 0, 1),
        (MONTH, "late_rows", 0, 4, 0),
    ]
    # late and corrected calls change what follows from them; nothing else is a reason
    assert {row[0] for row in publications.rows("reason")} == {"corrected_rows", "late_rows"}

    publications.agree(
        "call_outcomes",
        lambda rows: next(row for row in rows if row["disposition_code"] == CODE).update(
            is_connected="true"
        ),
        f"update seeds.call_outcomes set is_connected = true where disposition_code = '{CODE}'",
    )
    publications.world.build_quickly(*TARGETS, below=("call_outcomes",))
    publications.publish()
    assert publications.rows("reason", "kpi_id = 'connection_rate'") == [("new_mapping",)]
    assert {row[0] for row in publications.rows("reason")} == {"new_mapping"}
    assert not publications.rows("kpi_id", "kpi_id = 'calls_made'")
    moved = publications.rows(
        "month, new_numerator - old_numerator, reclassified_rows, late_rows, corrected_rows",
        "kpi_id = 'connection_rate' and basis = 'event' and channel_id = 'all'",
    )
    assert len(moved) > 3
    assert all(0 < more <= rows and others == [0, 0] for _, more, rows, *others in moved)

    from_day = dt.date(2025, 7, 1)

    def new_version(rows: list[dict[str, str]]) -> None:
        row = next(row for row in rows if row["kpi_id"] == "connection_rate")
        numerator = "target_connections"
        rows.append(
            {
                **row,
                "version": "2",
                "effective_from": f"{from_day}",
                "numerator_measure_id": numerator,
            }
        )
        row["effective_to"] = "2025-06-30"

    publications.agree(
        "kpi_definitions",
        new_version,
        f"""
        insert into seeds.kpi_definitions by name
        select
            * replace (
                2 as version, date '{from_day}' as effective_from,
                'target_connections' as numerator_measure_id
            )
        from seeds.kpi_definitions where kpi_id = 'connection_rate';
        update seeds.kpi_definitions set effective_to = date '2025-06-30'
        where kpi_id = 'connection_rate' and version = 1
        """,
    )
    publications.agree(
        "kpi_signoffs",
        lambda rows: rows.extend(
            {**row, "version": "2"} for row in rows[:] if row["kpi_id"] == "connection_rate"
        ),
        """
        insert into seeds.kpi_signoffs by name
        select * replace (2 as version) from seeds.kpi_signoffs where kpi_id = 'connection_rate'
        """,
    )
    publications.world.build_quickly(*TARGETS, below=("kpi_definitions", "kpi_signoffs"))
    publications.publish()
    assert publications.rows("kpi_id, reason") == [("connection_rate", "new_definition")]
    versions = "old_definition_version, new_definition_version"
    assert publications.rows(versions, "basis = 'event'") == [(1, 2)]
    # an older cohort goes on by both versions
    assert publications.rows(versions, "basis = 'cohort'") == [(1, 1), (1, 2)]
    months = [month for (month,) in publications.rows("month", "basis = 'event'")]
    assert months[0] == from_day
    assert len(months) > 3
    # what earlier publications revised is still there, each with its own publication
    with duckdb.connect(str(publications.store.current.database), read_only=True) as connection:
        (kept,) = connection.execute(
            "select count(distinct version) from marts.kpi_revisions"
        ).fetchone()
    assert kept == 3
