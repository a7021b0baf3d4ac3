"""What the landed files of one object look like, counted by DuckDB: one row per file, no value.

The files are aggregated where they lie, so that their size does not matter; only the key's
repeated rows are read a second time.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import duckdb
import pandas as pd
import pyarrow.parquet as pq

from kpi_warehouse.landing.readers import literal_glob
from kpi_warehouse.quality import limits
from kpi_warehouse.quality.extracts import Column, LandedObject

_ACCOUNT = ("_file_name", "_row_number", "_file_hash")
# what stage_landed can read, type by type; {0} is the trimmed text
_READINGS = {
    "timestamp": "try_cast({0} as timestamptz)",
    "date": "try_cast({0} as date)",
    "month": "try_cast(substr({0}, 1, 7) || '-01' as date)",
    "integer": "try_cast({0} as bigint)",
    "decimal": "try_cast({0} as decimal(24, 6))",
    "boolean": (
        "case when lower({0}) in ('true', 't', '1', 'yes', 'y') then true "
        "when lower({0}) in ('false', 'f', '0', 'no', 'n') then false end"
    ),
}
_SPELLED_LIKE_THE_SEEDS = "nullif(lower(trim({0})), '')"
_SATURDAY = 6
_LANDED = "read_parquet($files, union_by_name = true, hive_partitioning = false)"


@dataclass(frozen=True)
class FileAccount:
    """What landing says of one file; counts are None where it says nothing."""

    status: str
    refusal_rule: str | None
    record_count: int | None
    row_count: int | None
    rejected: int
    excluded: int


@dataclass(frozen=True)
class Landing:
    """A landing folder, a connection to read it with, and what landing says of its files."""

    folder: Path
    seeds_dir: Path
    as_of_date: dt.date
    business_utc_offset: dt.timedelta
    connection: duckdb.DuckDBPyConnection
    accounts: dict[tuple[str, str], dict[str, FileAccount]]

    @property
    def end_of_as_of_date(self) -> dt.datetime:
        """The first moment that is not in any more, in UTC."""
        midnight = dt.datetime.combine(self.as_of_date, dt.time(), dt.UTC)
        return midnight + dt.timedelta(days=1) - self.business_utc_offset


def open_landing(
    folder: Path,
    seeds_dir: Path,
    as_of_date: dt.date,
    business_utc_offset: dt.timedelta,
    memory_limit: str,
    spill_dir: Path,
) -> Landing:
    """Read landing's account of its files, and make ready to profile them.

    What does not fit into `memory_limit` goes to `spill_dir`.
    """
    connection = duckdb.connect()
    connection.execute("set temp_directory = $path", {"path": str(spill_dir)})
    connection.execute("set memory_limit = $limit", {"limit": memory_limit})
    connection.execute("set TimeZone = 'UTC'")
    accounts = _read_accounts(connection, folder)
    return Landing(folder, seeds_dir, as_of_date, business_utc_offset, connection, accounts)


def has_files(landing: Landing, layout: LandedObject) -> bool:
    """Whether any file of the object was delivered, refused ones included."""
    known = landing.accounts.get((layout.system, layout.name), {})
    return bool(known or _landed_files(landing, layout))


def profile_object(landing: Landing, layout: LandedObject) -> pd.DataFrame:
    """One row per file of the object.

    Returns:
        Columns file_name, status, rows, records, unaccounted_rows, rejected_share,
        wrong_columns (text, empty if none), rows_to_recent (newest file only), days_old,
        contradicting_share, unreadable_share and unreadable_column, weekend_share,
        answered_share, and empty_<column>, unmapped_<column> as `limits` asks for. A share is 0 to
        1, or NULL where there are too few rows to say.
    """
    landed = _landed_files(landing, layout)
    accounts = landing.accounts.get((layout.system, layout.name), {})
    counted = _count(landing, layout, list(landed.values())) if landed else {}
    contradicting = _contradicting(landing, layout, list(landed.values())) if landed else {}
    rows = [
        _file_row(
            landing,
            layout,
            name,
            landed.get(name),
            accounts.get(name),
            counted.get(name, {}),
            contradicting.get(name, 0),
        )
        for name in sorted(landed.keys() | accounts.keys())
    ]
    _compare_newest_with_recent(rows)
    frame = pd.DataFrame(rows)
    return frame.drop(columns=[column for column in frame if column.startswith("_")])


def required_columns(layout: LandedObject) -> list[str]:
    """The columns a row cannot do without."""
    return [column.name for column in layout.columns if column.is_mandatory]


def _landed_files(landing: Landing, layout: LandedObject) -> dict[str, Path]:
    folder = landing.folder / layout.system / layout.name
    return {
        f"{layout.system}/{path.name.removesuffix('.parquet')}": path
        for path in sorted(folder.glob("*.parquet"))
        if not path.name.startswith("_")
    }


def _read_accounts(
    connection: duckdb.DuckDBPyConnection, folder: Path
) -> dict[tuple[str, str], dict[str, FileAccount]]:
    files = _read_rows(connection, folder / "_files")
    fates = _count_fates(connection, folder / "_row_findings")
    accounts: dict[tuple[str, str], dict[str, FileAccount]] = {}
    for entry in files:
        name = entry["file_name"]
        of_object = accounts.setdefault((entry["system"], entry["object"]), {})
        of_object[name] = FileAccount(
            status=entry.get("status") or "landed",
            refusal_rule=entry.get("refusal_rule"),
            record_count=entry.get("record_count", entry["row_count"]),
            row_count=entry["row_count"],
            rejected=fates.get((name, "rejected"), 0),
            excluded=fates.get((name, "excluded"), 0),
        )
    return accounts


def _read_rows(connection: duckdb.DuckDBPyConnection, folder: Path) -> list[dict[str, Any]]:
    """The rows of small bookkeeping files; none if there are no files."""
    if not any(folder.glob("*.parquet")):
        return []
    cursor = connection.execute(
        f"select * from {_LANDED}", {"files": f"{literal_glob(folder)}/*.parquet"}
    )
    names = [each[0] for each in cursor.description]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def _count_fates(connection: duckdb.DuckDBPyConnection, folder: Path) -> dict[tuple[str, str], int]:
    """How many records of a file were rejected or excluded; a record with two findings is one."""
    if not any(folder.glob("**/*.parquet")):
        return {}
    cursor = connection.execute(
        f"""
        select file_name, fate, sum(row_count)
        from (
            select file_name, fate, max(coalesce(row_count, 1)) as row_count
            from {_LANDED}
            where fate is not null and row_number is not null
            group by file_name, fate, row_number
            union all
            select file_name, fate, coalesce(row_count, 1)
            from {_LANDED}
            where fate is not null and row_number is null
        )
        group by file_name, fate
        """,
        {"files": f"{literal_glob(folder)}/**/*.parquet"},
    )
    return {(file_name, fate): int(count) for file_name, fate, count in cursor.fetchall()}


def _file_row(
    landing: Landing,
    layout: LandedObject,
    name: str,
    path: Path | None,
    account: FileAccount | None,
    counts: dict[str, Any],
    contradicting: int,
) -> dict[str, Any]:
    status = account.status if account else "landed"
    if status != "landed":
        status = f"{status}: {account.refusal_rule}"
    rows = int(counts.get("rows", 0)) if path else None
    row: dict[str, Any] = {
        "file_name": name,
        "status": status,
        "rows": rows,
        "records": account.record_count if account else None,
        "unaccounted_rows": _unaccounted(account, rows) if status == "landed" else None,
        "rejected_share": _share(account.rejected, account.record_count) if account else None,
        "wrong_columns": _wrong_columns(path, layout) if path else None,
        "rows_to_recent": None,
        "days_old": _days_old(landing, counts.get("newest_at")),
        "contradicting_share": _share(contradicting, rows),
        "_oldest_at": counts.get("oldest_at"),
        "_newest_at": counts.get("newest_at"),
    }
    unreadable = {
        column.name: _share(counts.get(f"unreadable_{column.name}"), rows)
        for column in layout.columns
        if column.data_type in _READINGS
    }
    worst = max(unreadable, key=lambda each: unreadable[each] or 0.0, default=None)
    row["unreadable_share"] = unreadable.get(worst) if worst else None
    row["unreadable_column"] = worst if row["unreadable_share"] else ""
    for key, value in counts.items():
        if key.startswith(("empty_", "unmapped_", "weekend_share", "answered_share")):
            of = counts.get(f"of_{key}", rows)
            row[key] = _share(value, of, limits.FEWEST_ROWS_FOR_SHARES)
    for key in _optional_shares(layout):
        row.setdefault(key, None)
    # a mandatory column is judged in a file of any size
    for column in required_columns(layout):
        row[f"empty_{column}"] = _share(counts.get(f"empty_{column}"), rows)
    return row


def _optional_shares(layout: LandedObject) -> list[str]:
    """The shares that `limits` asks for; a file without rows has them too, unmeasured."""
    facts = limits.FACTS.get((layout.system, layout.name), limits.Facts())
    return [
        *(f"empty_{column}" for column, _ in facts.important),
        *(f"unmapped_{column}" for column, _, _ in facts.codes),
        *(["weekend_share"] if facts.happened_at else []),
        *(["answered_share"] if facts.answered else []),
    ]


def _share(part: int | None, whole: int | None, fewest: int = 1) -> float | None:
    return None if part is None or not whole or whole < fewest else part / whole


def _unaccounted(account: FileAccount | None, rows: int | None) -> int:
    """By how many rows landing's account, the Parquet file and the records differ."""
    if account is None:
        return rows or 0
    recorded = account.row_count or 0
    explained = recorded + account.rejected + account.excluded
    records = account.record_count if account.record_count is not None else explained
    return abs(recorded - (rows or 0)) + abs(records - explained)


def _wrong_columns(path: Path, layout: LandedObject) -> str:
    """Declared columns that the file lacks or that are no text, and the number of others.

    Names that were not declared come from outside, so they are counted only.
    """
    schema = pq.read_schema(path)
    types = {field.name: str(field.type) for field in schema}
    declared = [column.name for column in layout.columns]
    wrong = [f"no {name}" for name in (*declared, *_ACCOUNT) if name not in types]
    wrong += [
        f"{name} is {types[name]}"
        for name in declared
        if name in types and types[name] not in ("string", "large_string", "string_view")
    ]
    others = len(types.keys() - {*declared, *_ACCOUNT})
    return ", ".join([*wrong, f"{others} undeclared"] if others else wrong)


def _days_old(landing: Landing, newest_at: dt.datetime | None) -> int | None:
    """Whole days from the newest record's business day to the as-of date."""
    if newest_at is None:
        return None
    return (landing.as_of_date - (newest_at + landing.business_utc_offset).date()).days


def _count(landing: Landing, layout: LandedObject, files: Sequence[Path]) -> dict[str, dict]:
    """Counts per file name, in one pass over the files."""
    text = _texts(layout, files)
    facts = limits.FACTS.get((layout.system, layout.name), limits.Facts())
    parts = {"rows": "count(*)"}
    parameters: dict[str, Any] = {"files": [literal_glob(path) for path in files]}

    times = [_READINGS["timestamp"].format(text[name]) for name in layout.time_columns]
    if times:
        # a record of the future, which every CRM has, must not make an old file look new
        parameters["end"] = landing.end_of_as_of_date
        newest = [f"max({each}) filter (where {each} < $end)" for each in times]
        oldest = times[0] if facts.happened_at is None else _time(text, facts.happened_at)
        parts["newest_at"] = f"greatest({', '.join(['null', *newest])}) at time zone 'UTC'"
        parts["oldest_at"] = f"min({oldest}) at time zone 'UTC'"
    for name in (*required_columns(layout), *(column for column, _ in facts.important)):
        parts[f"empty_{name}"] = f"count(*) filter (where {text[name]} is null)"
    for column in layout.columns:
        if reading := _reading(column, text[column.name]):
            parts[f"unreadable_{column.name}"] = (
                f"count(*) filter (where {text[column.name]} is not null and {reading} is null)"
            )
    for name, seed, code_column in facts.codes:
        code = _SPELLED_LIKE_THE_SEEDS.format(text[name])
        parameters[f"seed_{name}"] = literal_glob(landing.seeds_dir / "mappings" / f"{seed}.csv")
        parts[f"unmapped_{name}"] = f"""count(*) filter (where {code} not in (
            select lower(trim({code_column}))
            from read_csv($seed_{name}, header = true, all_varchar = true)
            where {code_column} is not null
        ))"""
        parts[f"of_unmapped_{name}"] = f"count({code})"
    if facts.happened_at:
        seconds = int(landing.business_utc_offset.total_seconds())
        local = f"({_time(text, facts.happened_at)} + interval '{seconds} seconds')"
        parts["weekend_share"] = f"count(*) filter (where isodow({local}) >= {_SATURDAY})"
        parts["of_weekend_share"] = f"count({local})"
    if facts.answered:
        is_dial = "true"
        if facts.dials:
            column, parameters["dials"] = facts.dials
            code = _SPELLED_LIKE_THE_SEEDS.format(text[column])
            is_dial = f"regexp_matches({code}, $dials)"
        parts["answered_share"] = (
            f"count(*) filter (where {is_dial} and {text[facts.answered]} is not null)"
        )
        parts["of_answered_share"] = f"count(*) filter (where {is_dial})"

    columns = ", ".join(f"{expression} as {name}" for name, expression in parts.items())
    cursor = landing.connection.execute(
        f"select _file_name, {columns} from {_LANDED} group by _file_name", parameters
    )
    return {name: dict(zip(parts, counts, strict=True)) for name, *counts in cursor.fetchall()}


def _texts(layout: LandedObject, files: Sequence[Path]) -> dict[str, str]:
    """Each declared column as trimmed text; NULL where no file has it."""
    present = {name for path in files for name in pq.read_schema(path).names}
    return {
        column.name: f"nullif(trim(cast(\"{column.name}\" as varchar)), '')"
        if column.name in present
        else "cast(null as varchar)"
        for column in layout.columns
    }


def _reading(column: Column, text: str) -> str | None:
    template = _READINGS.get(column.data_type)
    return template.format(text) if template else None


def _meant(column: Column, text: str) -> str:
    """What a column says, however its file spells it: two tools write one time differently."""
    reading = _reading(column, text)
    return f"coalesce(cast({reading} as varchar), {text})" if reading else text


def _time(text: dict[str, str], column: str) -> str:
    return _READINGS["timestamp"].format(text[column])


def _contradicting(landing: Landing, layout: LandedObject, files: Sequence[Path]) -> dict[str, int]:
    """Per file, the rows whose key has several newest versions that differ.

    The newest are those with the latest stamp, or without a stamp those of the last file.
    """
    text = _texts(layout, files)
    keys = ", ".join(f"{text[name]} as key_{index}" for index, name in enumerate(layout.key))
    names = ", ".join(f"key_{index}" for index in range(len(layout.key)))
    same_key = " and ".join(
        f"versions.key_{index} is not distinct from repeated.key_{index}"
        for index in range(len(layout.key))
    )
    stamp = _time(text, layout.newest_by) if layout.newest_by else "_file_name"
    content = ", ".join(_meant(column, text[column.name]) for column in layout.columns)
    cursor = landing.connection.execute(
        f"""
        with versions as (
            select {keys}, {stamp} as stamp, _file_name, hash({content}) as content
            from {_LANDED}
            where {text[layout.key[0]]} is not null
        ),
        repeated as (
            select {names}, max(stamp) as newest
            from versions
            group by {names}
            having count(*) > 1
        ),
        newest as (
            select versions.*
            from versions
            inner join repeated
                on {same_key} and versions.stamp is not distinct from repeated.newest
        ),
        contents as (
            select
                _file_name,
                min(content) over (partition by {names}) as first_content,
                max(content) over (partition by {names}) as last_content
            from newest
        )
        select _file_name, count(*)
        from contents
        where first_content <> last_content
        group by _file_name
        """,
        {"files": [literal_glob(path) for path in files]},
    )
    return dict(cursor.fetchall())


def _compare_newest_with_recent(rows: list[dict[str, Any]]) -> None:
    """Set rows_to_recent of the newest file: its rows against the median of those before it.

    Against the median in all or per day covered, whichever is more.
    """
    dated = [row for row in rows if row["rows"] and row["_newest_at"]]
    dated.sort(key=lambda row: (row["_newest_at"], row["file_name"]))
    if len(dated) <= limits.FEWEST_RECENT_FILES:
        return
    newest, recent = dated[-1], dated[-1 - limits.RECENT_FILES : -1]
    in_all = newest["rows"] / median(row["rows"] for row in recent)
    per_day = _rows_per_day(newest) / median(_rows_per_day(row) for row in recent)
    newest["rows_to_recent"] = max(in_all, per_day)


def _rows_per_day(row: dict[str, Any]) -> float:
    oldest = row["_oldest_at"] or row["_newest_at"]
    return row["rows"] / (max((row["_newest_at"] - oldest).days, 0) + 1)
