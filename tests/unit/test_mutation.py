"""The mutation machinery: that its rules plant what they say, and that it can report a survivor."""

from __future__ import annotations

import dataclasses
import datetime as dt
from pathlib import Path

import duckdb
import polars as pl
import pytest

from kpi_warehouse.errors import UserError
from kpi_warehouse.mutation import marts
from kpi_warehouse.mutation.bench import Bench
from kpi_warehouse.mutation.detectors import Planted, by_warnings
from kpi_warehouse.mutation.equivalents import entry_of, read_equivalents, stale
from kpi_warehouse.mutation.mutants import (
    PER_MODEL_AND_RULE,
    Mutant,
    generate,
    sample_of,
    sql_mutants,
    variable_mutants,
)
from kpi_warehouse.mutation.project import CompiledProject, DataTest, Model
from kpi_warehouse.mutation.queries import Place, changes, parse, plant, write
from kpi_warehouse.mutation.report import Outcome, judge, lines
from kpi_warehouse.mutation.seed_files import SeedFiles
from kpi_warehouse.mutation.seed_rules import SeedChange, seed_changes
from kpi_warehouse.mutation.sql_rules import SQL_RULES, Context
from kpi_warehouse.mutation.trial import ERROR, SURVIVED, Trials, Verdict
from kpi_warehouse.mutation.unit_tests import UnitTests
from kpi_warehouse.mutation.worlds import World
from kpi_warehouse.settings import PROJECT_DIR
from kpi_warehouse.truth.kpis import Truth

BUSINESS_DATE = "select cast(at + cast(9 as bigint) * interval 1 hour as date) as day from t"


def planted_by(rule: str, sql: str) -> set[str]:
    tree = parse(sql)
    context = Context.of(tree)
    return {
        write(plant(tree, change.place, context))
        for change in changes(tree)
        if change.place.rule == rule
    }


@pytest.mark.parametrize(
    ("rule", "sql", "expected"),
    [
        ("swap_ratio", "select a / b as x from t", {"select (b / a) as x from t"}),
        (
            "drop_condition",
            "select a from t where a and b and not c",
            {
                "select a from t where b and not c",
                "select a from t where a and not c",
                "select a from t where a and b",
            },
        ),
        ("drop_condition", "select a from t where a", {"select a from t"}),
        # the only equality of two tables stays: without it, all rows meet all
        (
            "drop_condition",
            "select 1 as x from t inner join u on t.a = u.a and u.b",
            {"select 1 as x from t inner join u on t.a = u.a"},
        ),
        (
            "drop_alternative",
            "select a in ('p', 'q') or b as x from t",
            {
                "select b as x from t",
                "select a in ('p', 'q') as x from t",
                "select a in ('p') or b as x from t",
                "select a in ('q') or b as x from t",
            },
        ),
        ("and_or", "select a and b as x from t", {"select (a or b) as x from t"}),
        ("move_boundary", "select a < b as x from t", {"select (a <= b) as x from t"}),
        (
            "move_boundary",
            "select a from t where a between b and c",
            {
                "select a from t where (a > b and a <= c)",
                "select a from t where (a >= b and a < c)",
            },
        ),
        ("negate", "select a = 1 as x from t", {"select a <> 1 as x from t"}),
        ("negate", "select a from t where a is null", {"select a from t where not a is null"}),
        ("negate", "select a from t where a is not null", {"select a from t where a is null"}),
        (
            "shift_time_zone",
            BUSINESS_DATE,
            {
                "select cast(at as date) as day from t",
                "select cast((at - cast(9 as bigint) * interval '1' hour) as date) as day from t",
            },
        ),
        # the hours of a time zone have a rule of their own
        ("shift_constant", BUSINESS_DATE, set()),
        (
            "shift_constant",
            "select a % 12 as x from t",
            {"select a % 13 as x from t", "select a % 11 as x from t"},
        ),
        (
            "shift_window",
            "select at + cast(p.days as bigint) * interval 1 day as x from t",
            {
                f"select at + (cast(p.days as bigint) {sign} 1) * interval '1' day as x from t"
                for sign in "+-"
            },
        ),
        (
            "default_of_coalesce",
            "select coalesce(a, 'unknown') as x, coalesce(b, false) as y from t",
            {
                "select a as x, coalesce(b, false) as y from t",
                "select coalesce(a, 'unknown') as x, coalesce(b, true) as y from t",
            },
        ),
        (
            "order_of_coalesce",
            "select coalesce(a, b) as x from t",
            {"select coalesce(b, a) as x from t"},
        ),
        (
            "drop_unknown",
            "select coalesce(a, 'unknown') as x from t",
            {"select coalesce(a, 'unknown') as x from t where not a is null"},
        ),
        (
            "join_kind",
            "select 1 as x from t left join u on t.a = u.a",
            {"select 1 as x from t inner join u on t.a = u.a"},
        ),
        (
            "aggregate",
            "select sum(a) as x, min(b) as y, count(distinct c) as z from t",
            {
                "select count(a) as x, min(b) as y, count(distinct c) as z from t",
                "select avg(a) as x, min(b) as y, count(distinct c) as z from t",
                "select sum(a) as x, max(b) as y, count(distinct c) as z from t",
                "select sum(a) as x, min(b) as y, count(c) as z from t",
            },
        ),
        (
            "window_order",
            "select row_number() over (partition by a order by b, c) as x from t",
            {"select row_number() over (partition by a order by b desc, c) as x from t"},
        ),
        (
            "partition",
            "select row_number() over (partition by a, b order by c) as x from t",
            {
                "select row_number() over (partition by b order by c) as x from t",
                "select row_number() over (partition by a order by c) as x from t",
            },
        ),
        (
            "case_branch",
            "select case when a then 1 else 0 end as x from t",
            {"select case when a then 0 else 1 end as x from t"},
        ),
        ("flip_boolean", "select false as x from t", {"select true as x from t"}),
        (
            "drop_union_arm",
            "select a from t union all select a from u",
            {"select a from t", "select a from u"},
        ),
        ("keep_duplicates", "select distinct a from t", {"select a from t"}),
        (
            "ignore_link",
            "select parent_call_id from t",
            {"select cast(null as text) as parent_call_id from t"},
        ),
        ("count_every", "select a from t where n = 1", {"select a from t where true"}),
        (
            "replace_literal",
            "select a = 'outbound' as x from t where a = 'inbound'",
            {
                "select a = 'inbound' as x from t where a = 'inbound'",
                "select a = 'outbound' as x from t where a = 'outbound'",
            },
        ),
        ("arithmetic", "select a + b as x from t", {"select (a - b) as x from t"}),
    ],
)
def test_a_rule_plants_what_it_says(rule: str, sql: str, expected: set[str]) -> None:
    assert planted_by(rule, sql) == {write(parse(query)) for query in expected}


def test_the_order_of_a_text_is_no_meaning() -> None:
    tree = parse("select string_agg(a, ' ' order by case when b then a end) as x from t")
    assert list(changes(tree)) == []


def test_every_rule_is_shown_above() -> None:
    shown = {
        parameters[0]
        for mark in test_a_rule_plants_what_it_says.pytestmark
        for parameters in mark.args[1]
    }
    assert shown == set(SQL_RULES)


def test_planting_leaves_the_query_as_it_was() -> None:
    tree = parse("select a from t where a < 1 and b")
    before = write(tree)
    found = list(changes(tree))
    assert len(found) >= 6
    for change in found:
        assert write(plant(tree, change.place, Context.of(tree))) != before
    assert write(tree) == before


MODEL_SQL = """
with

calls as (

    select * from "warehouse"."staging"."stg_calls" where is_accepted

),

final as (

    -- who called
    select
        rep_id,
        started_at <= cast('2026-09-30' as date) as is_in,
        coalesce(channel_id, 'unknown') as channel_id
    from calls

)

select * from final
"""


def model(name: str, sql: str, template: str | None = None, inputs: frozenset = frozenset()):
    return Model(name, "marts", sql, inputs, False, True, template)


def ids_of(sql: str) -> set[str]:
    return {mutant.mutant_id for mutant in sql_mutants([model("m", sql)])}


def test_ids_outlive_edits_elsewhere_and_other_dates() -> None:
    ids = ids_of(MODEL_SQL)
    assert len(ids) >= 6
    more = MODEL_SQL.replace(
        "final as (", "others as (select a from calls where b and c),\n\nfinal as (", 1
    )
    assert ids < ids_of(more)
    assert ids == ids_of(MODEL_SQL.replace("2026-09-30", "2026-02-28"))
    assert ids == ids_of(MODEL_SQL.replace("-- who called", ""))
    changed = ids_of(MODEL_SQL.replace("started_at <=", "ended_at <="))
    assert {old for old in ids if "move_boundary" in old}.isdisjoint(changed)


def test_what_a_macro_makes_in_several_models_is_one_place() -> None:
    both = sql_mutants([model(name, MODEL_SQL, "macro") for name in ("by_rep", "by_team")])
    alone = sql_mutants([model(name, MODEL_SQL) for name in ("by_rep", "by_team")])
    assert len(alone) == 2 * len(both) > 0
    assert {mutant.target for mutant in both} == {"macro"}
    for mutant in both:
        assert [name for name, _ in mutant.places] == ["by_rep", "by_team"]


# --- seeds ---


@pytest.fixture(scope="module")
def seeds() -> duckdb.DuckDBPyConnection:
    """The project's seeds, and extracts that use a few codes."""
    connection = duckdb.connect()
    connection.execute("create schema seeds; create schema staging; create schema intermediate")
    for path in sorted((PROJECT_DIR / "seeds").rglob("*.csv")):
        connection.execute(
            f"create table seeds.{path.stem} as select * from read_csv('{path}', header = true, "
            "all_varchar = false, nullstr = '')"
        )
    for relation, columns in {
        "intermediate.int_unioned_calls": "'留守番電話' as disposition",
        "intermediate.int_unioned_appointments": (
            "'実施' as outcome, '有効' as judgement, '時期尚早' as judgement_reason"
        ),
        "intermediate.int_unioned_opportunities": "'価格' as loss_reason",
        "intermediate.int_unioned_opportunity_stage_history": "'受注' as stage",
        "intermediate.int_unioned_lead_status_history": "'リサイクル' as status",
        "intermediate.int_unioned_leads": "' ウェビナー ' as source",
        "intermediate.int_unioned_users": "'inside_sales' as department",
        "intermediate.int_unioned_email_events": (
            "'Mozilla/5.0' as user_agent, null as is_machine"
        ),
        "staging.base_salesforce__task": (
            "'Call' as type, null as task_subtype, null as call_type, null as status"
        ),
        "staging.base_salesforce__event": "null as type, null as event_subtype",
        "staging.base_miitel__call": "'外線' as call_type",
        "staging.base_sendgrid__event": "'newsletter' as category",
        "staging.base_salesforce__lead_history": "'Owner' as field",
        "staging.base_salesforce__opportunity_field_history": "'StageName' as field",
    }.items():
        connection.execute(f"create table {relation} as select {columns}")
    return connection


def test_seed_rules_reach_policies_registry_and_mappings_in_use(seeds) -> None:
    found = list(seed_changes(seeds))
    told = {(change.seed, change.row, change.values) for change in found}
    for expected in [
        ("kpi_policies", "open_window_days", "15"),
        ("kpi_policies", "open_window_days", "13"),
        ("kpi_policies", "influence_window_days", "91"),
        ("kpi_policies", "meeting_counts_at", "proposal_stage"),
        ("kpi_policies", "follow_up_starts", "after_first_contact"),
    ]:
        assert any(
            seed == expected[0] and row.startswith(expected[1]) and values[0][1] == expected[2]
            for seed, row, values in told
            if values
        ), expected
    assert ("call_outcomes", "留守番電話", (("is_connected", True),)) in told
    assert ("call_outcomes", "留守番電話", None) in told
    assert ("opportunity_stages", "受注", (("is_won", False),)) in told
    swapped = (
        ("numerator_measure_id", "calls_made"),
        ("denominator_measure_id", "calls_connected"),
    )
    assert ("kpi_definitions", "connection_rate.1", swapped) in told
    for another in (("statistic", "p90"), ("distribution_id", "deal_cycle")):
        assert ("kpi_definitions", "median_deal.1", (another,)) in told
    channels = [
        change.values for change in found if change.rule == "meaning_lead_sources.channel_id"
    ]
    assert [values[0][0] for values in channels] == ["channel_id"]
    assert not any(change.row == "fax" for change in found), "no extract has this code"


def test_a_seed_change_is_one_row(seeds) -> None:
    seeds.execute("begin")
    for change in seed_changes(seeds):
        statement, parameters = change.sql()
        assert seeds.execute(statement, parameters).fetchall() == [(1,)], change
        seeds.execute("rollback; begin")
    seeds.execute("rollback")


def test_a_seed_change_is_made_in_the_file_as_in_the_warehouse() -> None:
    key = (("kpi_id", "a"), ("version", 1))
    rows = [{"kpi_id": name, "version": "1", "has_rep": "true", "note": "x"} for name in "ab"]
    change = SeedChange("r", "s", key, (("has_rep", False), ("note", None)), "text")
    changed = {"kpi_id": "a", "version": "1", "has_rep": "false", "note": ""}
    assert change.apply(rows) == [changed, rows[1]]
    assert SeedChange("r", "s", key, None, "text").apply(rows) == [rows[1]]
    with pytest.raises(ValueError, match="0 rows"):
        SeedChange("r", "s", (("kpi_id", "c"),), None, "text").apply(rows)


def test_checks_of_the_seeds_see_a_change(tmp_path: Path) -> None:
    files = SeedFiles(tmp_path)
    key = (("policy_id", "open_window_days"), ("effective_from", dt.date(2000, 1, 1)))
    gap = SeedChange("r", "kpi_policies", key, (("effective_from", dt.date(2026, 4, 1)),), "gap")
    assert files.by_registry_rules(None) is None
    assert "open_window_days" in files.by_registry_rules(gap)
    key = (("segment_id", "employees_50_299"),)
    hole = SeedChange("r", "company_sizes", key, (("employees_from", 51),), "hole")
    assert files.by_seed_tests(None) is None
    assert files.by_seed_tests(hole) == "test_company_sizes_touch_without_overlap"


def test_variables_say_what_they_become() -> None:
    variables = {
        "fiscal_year_start_month": 4,
        "business_utc_offset_hours": 9,
        "as_of_date": None,
        "calendar_end": "2035-12-31",
    }
    assert {mutant.variable for mutant in variable_mutants(variables)} == {
        ("fiscal_year_start_month", 5),
        ("fiscal_year_start_month", 3),
        ("business_utc_offset_hours", 0),
        ("business_utc_offset_hours", -9),
        ("business_utc_offset_hours", 8),
    }


def test_a_few_of_each_rule_are_tried_and_a_sample_is_drawn_by_its_seed(seeds) -> None:
    conditions = " and ".join(f"c{number}" for number in range(20))
    project = CompiledProject(
        {"m": model("m", f"select a from t where {conditions}")}, {}, {"m": "marts"}
    )
    mutants, possible = generate(project, seeds, {})
    dropped = [mutant for mutant in mutants if mutant.rule == "drop_condition"]
    assert len(dropped) == PER_MODEL_AND_RULE
    assert possible["drop_condition"] == 20
    assert generate(project, seeds, {})[0] == mutants
    assert sample_of(mutants, 5, 1) == sample_of(mutants, 5, 1) != sample_of(mutants, 5, 2)
    assert len(sample_of(mutants, 5, 1)) == 5


# --- planting, on a project of two models ---

COUNTED = (
    'select rep_id, count(*) as calls from "warehouse"."main"."calls" where is_made group by 1'
)
TOTAL = 'select sum(calls) as calls from "warehouse"."marts"."counted"'


@pytest.fixture
def world(tmp_path: Path) -> World:
    folder = tmp_path / "world"
    folder.mkdir()
    with duckdb.connect(str(folder / "warehouse.duckdb")) as connection:
        connection.execute(
            """
            create schema marts;
            create schema seeds;
            create table calls as select 'rep' as rep_id, number < 3 as is_made
            from range(5) as numbers (number);
            create table seeds.targets as select 'rep' as rep_id, 10 as target;
            """
        )
        connection.execute(f"create table marts.counted as {COUNTED}")
        connection.execute(f"create table marts.total as {TOTAL}")
        connection.execute("create table marts.goal as from seeds.targets")
    project = CompiledProject(
        {
            "counted": model("counted", COUNTED),
            "total": model("total", TOTAL, inputs=frozenset({"counted"})),
            "goal": model(
                "goal", 'select * from "warehouse"."seeds"."targets"', None, frozenset({"targets"})
            ),
        },
        {
            "three_calls": DataTest(
                "three_calls",
                "select * from marts.total where calls <> 3",
                frozenset({"total"}),
                True,
            )
        },
        {"counted": "marts", "total": "marts", "goal": "marts", "targets": "seeds"},
    )
    nothing = pl.DataFrame()
    return World(folder, project, None, Truth(nothing, nothing, nothing, nothing))


def bench_of(world: World, tmp_path: Path) -> Bench:
    return Bench(world.warehouse, tmp_path / "bench", world.project)


@pytest.fixture
def bench(world: World, tmp_path: Path):
    bench = bench_of(world, tmp_path)
    yield bench
    bench.close()


def test_an_error_reaches_what_comes_after_and_is_taken_back(bench: Bench) -> None:
    for _ in range(2):
        with bench.planted({"counted": COUNTED.replace("where is_made", "")}) as changed:
            assert "goal" not in changed
            assert "total" in changed
            assert bench.frame("from marts.total")["calls"].to_list() == [5]
        assert bench.frame("from marts.total")["calls"].to_list() == [3]


def test_an_error_without_effect_changes_nothing(bench: Bench) -> None:
    with bench.planted({"counted": COUNTED.replace("where is_made", "where is_made = true")}) as c:
        assert c.all() == []


def test_a_changed_seed_reaches_its_models(bench: Bench) -> None:
    change = SeedChange("r", "targets", (("rep_id", "rep"),), (("target", 11),), "10 → 11")
    with bench.planted({}, [change]) as changed:
        assert changed.all() == ["goal"]
        assert "targets" in changed


def verdicts_of(world: World, folder: Path, detectors: dict, unit_tests=None) -> dict[str, Verdict]:
    trials = Trials(world, folder, unit_tests, detectors, jobs=2)
    try:
        mutants = sql_mutants(world.project.mutated)
        assert len(mutants) >= 4
        found = trials.run(mutants, lambda verdict: None)
    finally:
        trials.close()
    return {f"{verdict.mutant.target}.{verdict.mutant.rule}": verdict for verdict in found}


def three_calls(planted) -> str | None:
    test = planted.tests["three_calls"]
    return test.name if "total" in planted.changed and planted.bench.count(test.sql) else None


def test_a_mutant_behind_a_disabled_detector_is_reported_as_survived(
    world: World, tmp_path: Path
) -> None:
    key = "counted.drop_condition"
    caught = verdicts_of(world, tmp_path / "benches", {"data test": three_calls})
    assert caught[key].caught_by == "data test"
    assert caught[key].detail == "three_calls"
    blind = verdicts_of(world, tmp_path / "benches", {})
    assert blind[key].caught_by == SURVIVED
    assert blind[key].detail == "changes counted, total"
    outcome = Outcome([blind[key]], {}, {}, [], [])
    assert not outcome.is_clean
    assert any(blind[key].mutant.mutant_id in line for line in lines(outcome))


def test_a_test_that_warns_counts_if_it_warns_of_more(world: World, tmp_path: Path) -> None:
    warns = DataTest("warns", "from marts.counted", frozenset({"counted"}), False)
    project = CompiledProject(world.project.models, {"warns": warns}, world.project.schemas)
    warned = dataclasses.replace(world, project=project)
    assert by_warnings(
        Planted(None, warned, bench_of(warned, tmp_path), {"counted"}, project.tests, {"warns": 0})
    )
    # one row with the error and without it
    found = verdicts_of(warned, tmp_path / "benches", {"warning": by_warnings})
    assert found["counted.drop_condition"].caught_by == SURVIVED


def test_a_query_that_fails_is_told_apart(world: World, tmp_path: Path) -> None:
    change = SeedChange("r", "targets", (("nothing", 1),), None, "no such column")
    broken = Mutant("id", "r", "targets", "text", seed_change=change)
    trials = Trials(world, tmp_path / "benches", None, {}, jobs=1)
    verdict = trials.run([broken], lambda verdict: None)[0]
    trials.close()
    assert verdict.caught_by == ERROR
    assert Outcome([verdict], {}, {}, [], []).counted == 0


UNIT_TEST = """
with dbt_internal_unit_test_actual as (
  select "rep_id", "calls", 'actual' as "actual_or_expected"
  from (
    with  __dbt__cte__calls as (
      select 'rep' as rep_id, true as is_made union all select 'rep', false
    ) select rep_id, count(*) as calls from __dbt__cte__calls where is_made group by 1
  ) _dbt_internal_unit_test_actual
),
dbt_internal_unit_test_expected as (
  select "rep_id", "calls", 'expected' as "actual_or_expected"
  from (select 'rep' as rep_id, 1 as calls) _dbt_internal_unit_test_expected
)
select * from dbt_internal_unit_test_actual
union all
select * from dbt_internal_unit_test_expected
"""


def unit_tests(world: World, sql: str | None) -> UnitTests:
    project = CompiledProject(
        world.project.models, world.project.tests, world.project.schemas | {"calls": "main"}
    )
    return UnitTests({("counted", "counts_made"): sql}, project)


def test_a_unit_test_catches_the_same_error_planted_in_it(world: World, tmp_path: Path) -> None:
    tests = unit_tests(world, UNIT_TEST)
    found = verdicts_of(world, tmp_path / "benches", {}, tests)
    assert tests.left_out == {}
    assert found["counted.drop_condition"].caught_by == "unit test"
    assert found["counted.drop_condition"].detail == "counts_made"
    assert found["total.aggregate"].caught_by == SURVIVED, "it has no unit test"


@pytest.mark.parametrize(
    ("sql", "reason"),
    [
        (None, "dbt cannot run it"),
        (UNIT_TEST.replace("1 as calls", "2 as calls"), "fails without any error planted"),
        (UNIT_TEST.replace("where is_made", ""), "compiles to a query of another shape"),
    ],
)
def test_a_unit_test_that_cannot_be_used_is_named(world: World, sql: str, reason: str) -> None:
    tests = unit_tests(world, sql)
    assert tests.of("counted") == []
    assert tests.left_out["counts_made"].startswith(reason)


# --- the truth beside the values ---


@pytest.mark.parametrize(
    ("column", "wrong"),
    [
        ("is_complete", False),
        ("is_mature", False),
        ("is_small_sample", False),
        ("ci_low", 0.5),
        ("ci_high", None),
        ("value", 0.5),
    ],
)
def test_the_truth_looks_at_what_stands_beside_a_value(column: str, wrong: object) -> None:
    row = {
        "kpi_id": "connection_rate",
        "basis": "event",
        "period_grain": "month",
        "period_start": dt.date(2026, 8, 1),
        "period_end": dt.date(2026, 8, 31),
        "numerator": 1,
        "denominator": 4,
        "value": 0.25,
        "definition_version": 1,
        "is_complete": True,
        "is_mature": True,
        "is_small_sample": True,
        "ci_low": 0.0455872608,
        "ci_high": 0.6993581574,
    }
    definitions = {"kpi_id": "connection_rate", "definition_version": 1, "maturity_days": 90}
    truth = Truth(*[pl.DataFrame([row])] * 4)

    class Frames:
        def __init__(self, mart: dict) -> None:
            self.mart = mart

        def frame(self, query: str) -> pl.DataFrame:
            return pl.DataFrame([definitions if "dim_kpis" in query else self.mart])

    def found(mart: dict) -> list[str]:
        return list(marts.problems(Frames(mart), truth, dt.date(2026, 9, 30), {"kpi_by_period"}))

    assert found(row) == []
    assert [column in line or "connection_rate" in line for line in found(row | {column: wrong})]
    assert len(found(row | {column: wrong})) == 1


# --- the reviewed list ---


def test_the_reviewed_list_is_sound() -> None:
    assert all(len(reason) > 20 for reason in read_equivalents().values())


@pytest.mark.parametrize(
    "text",
    [
        '[[equivalent]]\nmutants = ["a"]\n',
        '[[equivalent]]\nreason = "why"\n',
        '[[equivalent]]\nreason = "why"\nmutants = ["a", "a"]\n',
    ],
)
def test_a_list_without_reasons_or_with_repeats_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "list.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(UserError):
        read_equivalents(path)


def test_a_listed_survivor_is_equivalent_and_a_stale_entry_is_told() -> None:
    mutant = Mutant("m.final.negate.1", "negate", "m", "a → b", (("m", Place("negate", 1, 0)),))
    verdicts = judge([Verdict(mutant, SURVIVED, "")], {"m.final.negate.1": "it cannot matter"})
    assert verdicts[0].caught_by == "equivalent"
    assert Outcome(verdicts, {}, {}, [], []).is_clean
    reasons = {"m.final.negate.1": "why", "m.other.*": "why", "gone": "why"}
    gone = stale(reasons, ["m.final.negate.1", "m.other.negate.2"])
    assert gone == ["gone"]
    assert entry_of("m.other.negate.2", reasons) == "m.other.*"
    assert entry_of("m.another.negate.2", reasons) is None
    outcome = Outcome(verdicts, {}, {}, gone, [])
    assert not outcome.is_clean
    assert "  gone" in lines(outcome)
    assert not Outcome(verdicts, {}, {}, [], ["m.final.negate.1"]).is_clean
