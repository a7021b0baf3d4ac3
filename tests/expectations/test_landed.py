"""Every expectation on landed extracts fails on data that was damaged for it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pytest

from expectations.conftest import LandingCopy
from kpi_warehouse.quality import limits
from kpi_warehouse.quality.command import SEEDS_DIR
from kpi_warehouse.quality.extracts import LandedObject

pytest.importorskip("great_expectations", reason="group quality is not installed")

from kpi_warehouse.quality.landed_suite import landed_batch, landed_suite

CALLS = "generic.calls"
LEADS = "generic.leads"


@dataclass(frozen=True)
class Damage:
    """One thing done to a landing, and the expectation that must fail on it."""

    rule: str
    column: str
    object_name: str
    inflict: Callable[[LandingCopy], None]

    def __str__(self) -> str:
        return f"{self.rule}-{self.column}"


def rewrite(rule: str, column: str, object_name: str, select: str) -> Damage:
    return Damage(rule, column, object_name, lambda copy: copy.rewrite(object_name, select))


def account(rule: str, column: str, **expressions: str) -> Damage:
    return Damage(rule, column, CALLS, lambda copy: copy.account(**expressions))


def _reject_many(copy: LandingCopy) -> None:
    copy.account(record_count="row_count + 400")
    copy.finding("generic/calls_1.csv", "rejected", 400)
    copy.finding("generic/calls_2.csv", "rejected", 400)


def _reject_half(copy: LandingCopy) -> None:
    copy.account(record_count="row_count * 2")
    for path, number in zip(copy.files(CALLS), (1, 2), strict=True):
        copy.finding(f"generic/calls_{number}.csv", "rejected", _rows(copy, path.name))


def _rows(copy: LandingCopy, name: str) -> int:
    counts = copy.open().connection.execute(
        "select count(*) from read_parquet($file)",
        {"file": str(copy.folder / "generic" / "calls" / name)},
    )
    return counts.fetchone()[0]


def _months(share: float) -> Callable[[LandingCopy], None]:
    """The calls by month in a file each, of the last one only a share of the rows."""

    def inflict(copy: LandingCopy) -> None:
        newest = copy.files(CALLS)[-1]
        for month in range(5, 10):
            part = "" if month < 9 else f" and hash(call_id) % 1000 < {share * 1000}"
            name = f"generic/calls_2026-{month:02}.csv"
            copy.write(
                newest.with_name(f"calls_2026-{month:02}.csv.parquet"),
                f"select * replace ('{name}' as _file_name) from landed "
                f"where started_at like '2026-{month:02}%'{part}",
                newest,
            )
        for path in copy.files(CALLS):
            if "2026" not in path.name:
                path.unlink()

    return inflict


DAMAGES = [
    account(
        "file_refused",
        "status",
        status="'refused'",
        refusal_rule="'mojibake'",
        record_count="null::bigint",
    ),
    rewrite("file_empty", "rows", CALLS, "select * from landed where false"),
    rewrite(
        "columns_missing", "wrong_columns", CALLS, "select * exclude (disposition) from landed"
    ),
    rewrite(
        "columns_missing",
        "wrong_columns",
        CALLS,
        "select * replace (try_cast(call_id as bigint) as call_id) from landed",
    ),
    account("rows_unaccounted", "unaccounted_rows", row_count="row_count + 1"),
    account("rows_unaccounted", "unaccounted_rows", record_count="row_count + 1"),
    rewrite("rows_unaccounted", "unaccounted_rows", CALLS, "select * from landed offset 1"),
    Damage("rows_rejected", "rejected_share", CALLS, _reject_many),
    Damage("rows_rejected_many", "rejected_share", CALLS, _reject_half),
    rewrite(
        "required_empty",
        "empty_call_id",
        CALLS,
        "select * replace (case when _row_number % 50 > 0 then call_id end as call_id) from landed",
    ),
    rewrite(
        "important_empty",
        "empty_source",
        LEADS,
        "select * replace (case when _row_number % 3 = 0 then source end as source) from landed",
    ),
    rewrite(
        "values_unreadable",
        "unreadable_share",
        CALLS,
        "select * replace (replace(started_at, '-', '/') || ' 午後' as started_at) from landed",
    ),
    rewrite(
        "versions_contradict",
        "contradicting_share",
        LEADS,
        "select * from landed union all select * replace (status || ' ' as status, "
        "'other' as source, _row_number + 100000 as _row_number) from landed",
    ),
    rewrite(
        "versions_contradict",
        "contradicting_share",
        CALLS,
        "select * from landed union all select * replace ('other' as disposition, "
        "_row_number + 100000 as _row_number) from landed",
    ),
    rewrite(
        "stale_daily", "days_old", CALLS, "select * from landed where started_at < '2026-09-15'"
    ),
    rewrite(
        "stale",
        "days_old",
        LEADS,
        "select * from landed where updated_at < '2026-08-15' and created_at < '2026-08-15'",
    ),
    Damage("volume_low", "rows_to_recent", CALLS, _months(0.3)),
    Damage("volume_collapsed", "rows_to_recent", CALLS, _months(0.03)),
    rewrite(
        "codes_unmapped",
        "unmapped_disposition",
        CALLS,
        "select * replace (case when _row_number % 10 = 0 then 'brand new' else disposition end "
        "as disposition) from landed",
    ),
    rewrite(
        "weekend_share",
        "weekend_share",
        CALLS,
        "select * replace (case when _row_number % 3 = 0 then '2026-09-27 03:00:00' "
        "else started_at end as started_at) from landed",
    ),
    rewrite(
        "answered_share",
        "answered_share",
        CALLS,
        "select * replace (null as answered_at) from landed",
    ),
    rewrite(
        "answered_share",
        "answered_share",
        CALLS,
        "select * replace (started_at as answered_at) from landed",
    ),
]


@pytest.mark.parametrize("damage", DAMAGES, ids=str)
def test_damaged_landing_fails_its_expectation(damage, landing, objects, validate) -> None:
    damage.inflict(landing)
    findings = validate(landed_batch(landing.open(), objects[damage.object_name]))
    assert all(finding.was_checked for finding in findings)
    failed = {(finding.rule.rule_id, finding.column) for finding in findings}
    assert (damage.rule, damage.column) in failed


def test_every_kind_of_expectation_has_its_damage(objects) -> None:
    expected = {each.meta["rule"] for layout in objects.values() for each in landed_suite(layout)}
    assert len(expected) > 10
    assert {damage.rule for damage in DAMAGES} == expected


def test_healthy_landing_passes(landing, objects, validate) -> None:
    batches = [landed_batch(landing.open(), objects[name]) for name in (CALLS, LEADS)]
    assert [validate(batch) for batch in batches] == [[], []]
    (measured,) = [batch.frame for batch in batches if batch.name == f"landed.{CALLS}"]
    assert measured[["weekend_share", "answered_share", "unmapped_disposition"]].notna().all(None)


def test_a_month_split_into_files_is_no_collapse(landing, objects, validate) -> None:
    _months(1.0)(landing)
    batch = landed_batch(landing.open(), objects[CALLS])
    assert batch.frame["rows_to_recent"].notna().sum() == 1
    failed = {finding.rule.rule_id for finding in validate(batch)}
    assert not failed & {"volume_low", "volume_collapsed"}


def test_a_record_of_the_future_does_not_make_old_files_look_new(
    landing, objects, validate
) -> None:
    landing.rewrite(
        CALLS,
        "select * replace (case when _row_number = 1 then '2027-01-01 00:00:00' "
        "else started_at end as started_at) from landed where started_at < '2026-09-15'",
    )
    findings = validate(landed_batch(landing.open(), objects[CALLS]))
    assert "stale_daily" in {finding.rule.rule_id for finding in findings}


def test_a_corrected_file_that_repeats_keys_is_no_contradiction(landing, objects, validate) -> None:
    first = landing.files(CALLS)[0]
    landing.write(
        first.with_name("calls_3.csv.parquet"),
        "select * replace ('other' as disposition, 'generic/calls_3.csv' as _file_name) "
        "from landed",
        first,
    )
    batch = landed_batch(landing.open(), objects[CALLS])
    assert batch.frame["contradicting_share"].eq(0).all()


def test_one_time_in_two_spellings_is_no_contradiction(landing, objects) -> None:
    """As when two tools export one record: the first with an offset, the second without."""
    first = landing.files(CALLS)[0]
    landing.write(
        first,
        "select * replace (replace(started_at, 'T', ' ') as started_at, 'True' as is_internal) "
        "from landed "
        "union all "
        "select * replace (replace(started_at, ' ', 'T') as started_at, '1' as is_internal, "
        "_row_number + 1000000 as _row_number) from landed",
        first,
    )
    batch = landed_batch(landing.open(), objects[CALLS])
    assert batch.frame["rows"].max() > 100
    assert batch.frame["contradicting_share"].eq(0).all()


def _declared() -> list[str]:
    from kpi_warehouse.quality.command import STAGING_DIR
    from kpi_warehouse.quality.extracts import read_objects

    return [layout.full_name for layout in read_objects(STAGING_DIR)]


@pytest.mark.parametrize("full_name", _declared())
def test_every_column_expectation_of_an_object_fails_on_its_column(
    full_name, empty_landing, objects, validate
) -> None:
    """Empty columns fail every empty_…; codes that nobody knows every unmapped_…."""
    layout = objects[full_name]
    _land_rows(empty_landing, layout, "null")
    findings = validate(landed_batch(empty_landing.open(), layout))
    assert all(finding.was_checked for finding in findings)
    empty = {finding.column for finding in findings}
    _land_rows(empty_landing, layout, "'no such code'")
    batch = landed_batch(empty_landing.open(), layout)
    nonsense = {
        column
        for column in batch.frame
        if column.startswith("unmapped_") and batch.frame[column].eq(1).all()
    }
    columns = {each.column for each in batch.expectations}
    assert {column for column in columns if column.startswith("empty_")} <= empty
    assert {column for column in columns if column.startswith("unmapped_")} == nonsense


def test_the_facts_name_declared_objects_columns_and_seeds(objects) -> None:
    systems = {layout.system for layout in objects.values()}
    known = {key: facts for key, facts in limits.FACTS.items() if key[0] in systems}
    assert len(known) >= len([key for key in limits.FACTS if key[0] == "generic"])
    for (system, name), facts in known.items():
        columns = {column.name for column in objects[f"{system}.{name}"].columns}
        named = [column for column, _ in facts.important]
        named += [column for column, _, _ in facts.codes]
        named += [facts.happened_at, facts.answered, facts.dials and facts.dials[0]]
        assert {column for column in named if column} <= columns, (system, name)
        for _, seed, code_column in facts.codes:
            header = (SEEDS_DIR / "mappings" / f"{seed}.csv").read_text("utf-8").partition("\n")[0]
            assert code_column in header.split(",")


def _land_rows(copy: LandingCopy, layout: LandedObject, value: str) -> None:
    """As many landed rows as a share needs, with the same value in every column."""
    columns = ", ".join(f'cast({value} as varchar) as "{column.name}"' for column in layout.columns)
    folder = copy.folder / layout.system / layout.name
    folder.mkdir(parents=True, exist_ok=True)
    copy.open().connection.execute(
        f"""
        copy (
            select
                {columns},
                '{layout.system}/{layout.name}.csv' as _file_name,
                number as _row_number,
                'hash' as _file_hash
            from range({limits.FEWEST_ROWS_FOR_SHARES}) as numbers (number)
        ) to $target (format parquet)
        """,
        {"target": str(folder / f"{layout.name}.csv.parquet")},
    )
