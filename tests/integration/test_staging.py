"""What staging makes of landed rows: types, the newest version of a key, and rejected rows.

dbt's unit tests cannot run a staging model: it reads its columns from the project's graph, which
is empty there. So these rows are landed as Parquet, and the real models are run on them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from dbt.adapters.duckdb.connections import DuckDBConnectionManager
from dbt.cli.main import dbtRunner

from kpi_warehouse.settings import PROJECT_DIR

Row = Mapping[str, str]
# text as landing writes it; a column that a row leaves out is empty
ROWS: dict[str, list[Row]] = {
    "generic/leads": [
        {"lead_id": "stamp", "source": "newer", "updated_at": "2026-01-02", "file": "1.csv"},
        {"lead_id": "stamp", "source": "older", "updated_at": "2026-01-01", "file": "2.csv"},
        {"lead_id": "no stamp", "source": "stamped", "updated_at": "2026-01-01", "file": "1.csv"},
        {"lead_id": "no stamp", "source": "unstamped", "file": "2.csv"},
        {"lead_id": "file", "source": "first file", "file": "1.csv"},
        {"lead_id": "file", "source": "second file", "file": "2.csv"},
        {"lead_id": "row", "source": "first row", "file": "1.csv"},
        {"lead_id": "row", "source": "second row", "file": "1.csv"},
        {"lead_id": " padded ", "source": "  ", "file": "1.csv"},
        {"lead_id": "padded", "source": "second row", "file": "1.csv"},
        {"lead_id": "bad version", "source": "good", "file": "1.csv"},
        {"lead_id": "bad version", "source": "bad", "created_at": "soon", "file": "2.csv"},
        {"lead_id": "", "file": "1.csv"},
        {"lead_id": "no time", "created_at": "", "file": "1.csv"},
        {"lead_id": "no such time", "created_at": "2026-02-30", "file": "1.csv"},
        {"lead_id": "too early", "created_at": "1999-12-31 23:59:59", "file": "1.csv"},
        {"lead_id": "last day", "created_at": "2035-12-30 00:00:00", "file": "1.csv"},
        {"lead_id": "too late", "created_at": "2035-12-31 00:00:00", "file": "1.csv"},
        {"lead_id": "0012345678901234567", "created_at": "2026-04-01T09:00:00+09:00"},
        {"lead_id": "utc", "created_at": "2026-03-31T15:00:00.123Z"},
        {"lead_id": "yes", "is_target": " Yes ", "is_deleted": "0", "employees": "1200"},
        {
            "lead_id": "unreadable",
            "is_target": "perhaps",
            "employees": "many",
            "handed_over_at": "1900-01-01 00:00:00",
            "merged_into_id": "kept",
        },
    ],
    "generic/emails": [
        {"message_id": "1", "recipient": "a@example.jp", "sent_at": "2026-04-01"},
        {"message_id": "1", "recipient": "b@example.jp", "sent_at": "2026-04-01"},
        {"message_id": "2", "sent_at": "2026-04-01"},
        {"message_id": "2", "sent_at": "2026-04-02"},
    ],
    "planning/kgi": [
        {"fiscal_year": "2026", "month": "2026-04", "won_amount": "1000000.5"},
        {"fiscal_year": "2026", "month": "2026-05-01", "won_amount": "1,000"},
        {"fiscal_year": "2026", "month": "May"},
    ],
}
COLUMNS = {
    "generic/leads": (
        "lead_id created_at source latest_source status owner_id account_id company industry"
        " employees title email phone company_key is_target is_deleted merged_into_id"
        " handed_over_at handed_over_to_id updated_at"
    ),
    "generic/emails": "message_id lead_id rep_id recipient kind sent_at",
    "planning/kgi": "fiscal_year month won_amount average_deal",
}
CREATED_AT = "2026-04-01 00:00:00"


def _land(landing: Path, name: str, rows: Sequence[Row]) -> None:
    columns = COLUMNS[name].split()
    defaults = {"created_at": CREATED_AT} if name == "generic/leads" else {}
    texts = [{**defaults, **row} for row in rows]
    table = pa.table(
        {
            **{
                column: pa.array([row.get(column) for row in texts], pa.string())
                for column in columns
            },
            "_file_name": [row.get("file", "1.csv") for row in texts],
            "_row_number": pa.array(range(1, len(texts) + 1), pa.int64()),
            "_file_hash": ["hash"] * len(texts),
        }
    )
    (landing / name).mkdir(parents=True)
    pq.write_table(table, landing / name / "rows.parquet")


@pytest.fixture(scope="module")
def staged(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], list[tuple]]:
    """Run a query on the staging models of ROWS."""
    root = tmp_path_factory.mktemp("staging")
    for name, rows in ROWS.items():
        _land(root / "landing", name, rows)
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("DATA_DIR", str(root))
        environment.setenv("WAREHOUSE_PATH", str(root / "warehouse.duckdb"))
        environment.setenv("AS_OF_DATE", "2026-09-30")
        options = {
            "--project-dir": PROJECT_DIR,
            "--profiles-dir": PROJECT_DIR / "profiles",
            "--target-path": root / "target",
            "--log-path": root / "logs",
            "--log-level": "none",
            "--vars": "{calendar_start: '2000-01-01', calendar_end: '2035-12-30'}",
        }
        models = ["stg_" + name.replace("/", "__") for name in ROWS]
        try:
            run = dbtRunner().invoke(
                ["run", "--select", *models, *(str(x) for pair in options.items() for x in pair)]
            )
        finally:
            DuckDBConnectionManager.close_all_connections()
    assert run.success, run.exception or [result.message for result in run.result]

    def query(sql: str) -> list[tuple]:
        with duckdb.connect(str(root / "warehouse.duckdb"), read_only=True) as connection:
            return connection.execute(sql).fetchall()

    return query


def _lead(staged: Callable[[str], list[tuple]], lead_id: str, columns: str) -> list[tuple]:
    return staged(
        f"select {columns} from staging.stg_generic__leads "
        f"where lead_id = '{lead_id}' order by source_file, source_row"
    )


def test_every_landed_row_is_there_once(staged):
    for name, rows in ROWS.items():
        table = "staging.stg_" + name.replace("/", "__")
        assert staged(f"select count(*), count(distinct source_row) from {table}") == [
            (len(rows), len(rows))
        ]


@pytest.mark.parametrize(
    ("lead_id", "newest"),
    [
        ("stamp", "newer"),
        ("no stamp", "stamped"),
        ("file", "second file"),
        ("row", "second row"),
        ("padded", "second row"),
    ],
)
def test_the_newest_version_of_a_key_is_accepted(staged, lead_id, newest):
    fates = set(_lead(staged, lead_id, "row_status, is_accepted, coalesce(source, '')"))
    assert len(fates) == 2
    assert ("accepted", True, newest) in fates
    assert {status for status, *_ in fates} == {"accepted", "duplicate"}


def test_a_version_that_cannot_be_read_supersedes_none(staged):
    assert _lead(staged, "bad version", "source, row_status, reject_column") == [
        ("good", "accepted", None),
        ("bad", "rejected", "created_at"),
    ]


def test_a_key_of_two_columns_may_be_half_empty(staged):
    assert staged(
        "select message_id, recipient, sent_at, row_status from staging.stg_generic__emails "
        "order by source_row"
    ) == [
        ("1", "a@example.jp", datetime(2026, 4, 1), "accepted"),
        ("1", "b@example.jp", datetime(2026, 4, 1), "accepted"),
        ("2", None, datetime(2026, 4, 1), "duplicate"),
        ("2", None, datetime(2026, 4, 2), "accepted"),
    ]


@pytest.mark.parametrize(
    ("where", "rule", "column"),
    [
        ("lead_id is null", "missing_required_value", "lead_id"),
        ("lead_id = 'no time'", "missing_required_value", "created_at"),
        ("lead_id = 'no such time'", "unreadable_required_value", "created_at"),
        ("lead_id = 'too early'", "outside_calendar", "created_at"),
        ("lead_id = 'too late'", "outside_calendar", "created_at"),
    ],
)
def test_a_rejected_row_says_why(staged, where, rule, column):
    assert staged(
        "select row_status, is_accepted, reject_rule, reject_column "
        f"from staging.stg_generic__leads where {where}"
    ) == [("rejected", False, rule, column)]


def test_the_calendars_last_day_is_in_it(staged):
    assert _lead(staged, "last day", "row_status") == [("accepted",)]


def test_an_id_stays_text_and_an_offset_is_honoured(staged):
    assert _lead(staged, "0012345678901234567", "created_at") == [(datetime(2026, 4, 1),)]
    assert _lead(staged, "utc", "created_at") == [(datetime(2026, 3, 31, 15, 0, 0, 123000),)]


def test_values_are_typed_and_empty_text_is_null(staged):
    assert _lead(staged, "yes", "is_target, is_deleted, employees") == [(True, False, 1200)]
    assert _lead(staged, "padded", "source")[0] == (None,)


def test_an_optional_value_that_cannot_be_read_is_null_and_named(staged):
    assert _lead(
        staged,
        "unreadable",
        "is_target, employees, handed_over_at, merged_into_id, is_accepted, unreadable_columns",
    ) == [(None, None, None, "kept", True, "employees is_target handed_over_at")]


def test_a_month_is_its_first_day(staged):
    assert staged(
        "select month, won_amount, row_status, unreadable_columns from staging.stg_planning__kgi "
        "order by source_row"
    ) == [
        (date(2026, 4, 1), 1000000.5, "accepted", None),
        (date(2026, 5, 1), None, "accepted", "won_amount"),
        (None, None, "rejected", None),
    ]
