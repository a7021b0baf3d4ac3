"""Targets, their versions and their conflicts against the plan that was written."""

from __future__ import annotations

import datetime as dt
import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal

import duckdb
import polars as pl
import pytest

from integration.conftest import BuiltWorld
from integration.quick_build import compiled, run_models
from kpi_warehouse.mutation.bench import SETTINGS
from kpi_warehouse.semantic_layer.definitions import has, published_definitions
from kpi_warehouse.settings import PROJECT_DIR
from kpi_warehouse.truth import targets as truth
from kpi_warehouse.truth.targets import Conflict, Kpi, Stated
from kpi_warehouse.world.writers.planning import Plan, agreed_on, make_plan

CONFLICTS = """
    select rule_id, month, channel_id, department_id, kpi_id, other_department_id, other_kpi_id,
        value, other_value
    from marts.target_conflicts
"""
VERSIONS = """
    select department_id, kpi_id, channel_id, month, version, target_value, agreed_on,
        superseded_on, is_in_force
    from marts.fct_targets
"""
REQUIREMENTS = """
    select month, kpi_id, required from marts.kgi_kpi_tree
    where channel_id = 'all' and parent is not null and required is not null
"""
REJECTED = """
    select file, row, rule from marts.data_quality_findings
    where object = 'targets' and rule like 'target_%'
"""
# what the models of targets read
SEEDS = (
    *("target_rules", "target_approvers", "kpi_departments", "departments", "lead_sources"),
    "channels",
)
LANDED = ("staging.stg_planning__targets", "staging.stg_planning__kgi")
TREE = "marts.kgi_kpi_tree"
READ_FIRST = ("int_targets", "int_goals")
MARTS = ("fct_targets", "target_conflicts")


@pytest.fixture(scope="module")
def kpis() -> dict[str, Kpi]:
    definitions = published_definitions(PROJECT_DIR / "seeds" / "registry")
    return {
        kpi_id: Kpi(
            parts=(row["numerator_measure_id"], row["denominator_measure_id"] or None),
            unit=row["unit"],
            is_targetable=has(row, "is_targetable"),
            has_channels=has(row, "has_channel"),
            adds_up=not row["denominator_measure_id"] and not row["distribution_id"],
            is_better_high=row["polarity"] == "higher",
            owner=row["owner_department"],
        )
        for kpi_id, row in definitions.items()
    }


@pytest.fixture(scope="module")
def plan(sample: BuiltWorld) -> Plan:
    return make_plan(sample.log)


@pytest.fixture(scope="module")
def stated(plan: Plan) -> list[Stated]:
    return [
        Stated(
            row["department"],
            row["kpi_id"],
            row["channel"],
            dt.date.fromisoformat(f"{row['month']}-01"),
            row["target_value"],
            row["agreed_on"],
        )
        for row in plan.targets.iter_rows(named=True)
    ]


@pytest.fixture(scope="module")
def goals(plan: Plan) -> dict[dt.date, Decimal]:
    return {
        dt.date.fromisoformat(f"{month}-01"): amount
        for month, amount in plan.kgi.select("month", "won_amount").iter_rows()
    }


@pytest.fixture(scope="module")
def requirements(sample: BuiltWorld) -> truth.Requirements:
    """Those of the tree, which has a truth of its own."""
    return {(month, kpi_id): required for month, kpi_id, required in sample.query(REQUIREMENTS)}


def rows_of(found: list[Conflict]) -> Counter:
    return Counter(tuple(vars(conflict).values()) for conflict in found)


def rows_of_versions(found: list[truth.Version]) -> Counter:
    return Counter((*each.key, *list(vars(each).values())[1:]) for each in found)


def test_every_version_is_published(sample: BuiltWorld, stated, kpis) -> None:
    expected = truth.versions(stated, kpis, sample.log.as_of_date)
    assert Counter(sample.query(VERSIONS)) == rows_of_versions(expected)
    assert len(expected) > 800
    roles = sample.query("select distinct agreed_by_role, agreed_by_role_ja from marts.fct_targets")
    assert roles == [("Head of sales", "営業本部長")]


def test_a_target_is_the_last_one_that_was_agreed_on(sample: BuiltWorld, stated, kpis) -> None:
    month = sample.log.as_of_date.replace(day=1)
    key = ("inside_sales", "appointments_set", "all", month)
    found = [
        each for each in truth.versions(stated, kpis, sample.log.as_of_date) if each.key == key
    ]
    assert [each.is_in_force for each in found] == [False, True, False]
    assert found[-1].agreed_on > sample.log.as_of_date


def test_what_cannot_be_a_target_is_a_finding_with_its_row(
    sample: BuiltWorld, stated, kpis
) -> None:
    expected = {
        ("planning/targets.csv", number, rule)
        for number, target in enumerate(stated, start=1)
        if (rule := truth.rejection(target, kpis))
    }
    assert set(sample.query(REJECTED)) == expected
    assert len(expected) == 3


def test_every_conflict_is_found_and_none_else(
    sample: BuiltWorld, stated, goals, requirements, kpis
) -> None:
    day = sample.log.as_of_date
    values = truth.in_force(truth.versions(stated, kpis, day))
    expected = truth.conflicts(values, goals, requirements, kpis, day)
    assert Counter(sample.query(CONFLICTS)) == rows_of(expected)


def test_the_conflicts_are_those_that_were_planted(sample: BuiltWorld, plan: Plan) -> None:
    months = sorted(plan.kgi["month"].to_list())
    found = sorted(
        (month.strftime("%Y-%m"), rule, channel, int(value), int(other))
        for rule, month, channel, *_, value, other in sample.query(CONFLICTS)
    )
    assert found == [
        (months[-6], "supply_covers_leads", "exhibition", 200, 100),
        (months[-6], "supply_covers_leads", "webinar", 20, 0),
        (months[-5], "handover_is_expected", "all", 141, 161),
        (months[-4], "won_amount_reaches_goal", "all", 30_726_000, 34_140_000),
        (months[-3], "channels_fit_total", "all", 1_060, 884),
        (months[-2], "rates_fit_counts", "all", 18, 24),
        # of the goal that is out of reach
        (months[-1], "requirement_is_targeted", "all", 18, 69),
        (months[-1], "requirement_is_targeted", "all", 80, 251),
        (months[-1], "requirement_is_targeted", "all", 141, 480),
        (months[-1], "requirement_is_targeted", "all", 884, 2_701),
        (months[-1], "requirement_is_targeted", "all", 4_819, 17_220),
    ]
    assert sum(count for name, count in plan.traps.items() if "conflict" in name) == 3
    assert min(plan.traps.values()) == 1


def test_a_conflict_names_both_sides_and_both_numbers(sample: BuiltWorld) -> None:
    sentences = dict(
        sample.query(
            "select detail_en, detail_ja from marts.target_conflicts "
            "where rule_id = 'supply_covers_leads' and channel_id = 'exhibition'"
        )
    )
    assert sentences == {
        "2026-10, Exhibition: Inside sales plans to work 200 leads, but Marketing plans to supply "
        "100 (100 short)": "2026年10月・展示会:インサイドセールスは 200件のリードへの対応を計画"
        "しているが、マーケティングの供給目標は 100件(100件不足)"
    }
    left = sample.query(
        "select detail_ja, detail_en from marts.target_conflicts "
        "where detail_ja like '%{%' or detail_en like '%{%' or difference = 0"
    )
    assert left == []


def test_leads_are_at_the_shares_that_were_planted(sample: BuiltWorld) -> None:
    """One month's leads are 69.9 % of their target, another's 70 %, to the digit."""
    found = sample.query(
        """
        select kpis.numerator, targets.target_value
        from marts.fct_targets as targets
        inner join marts.kpi_by_period as kpis
            on targets.kpi_id = kpis.kpi_id and targets.month = kpis.period_start
        where targets.department_id = 'marketing' and targets.kpi_id = 'leads_acquired'
            and targets.channel_id = 'all' and targets.is_in_force
            and kpis.basis = 'event' and kpis.period_grain = 'month' and kpis.is_complete
        """
    )
    shares = [leads / target for leads, target in found]
    assert len(shares) > 20
    assert [leads * 10 for leads, target in found if leads * 10 == target * 7]
    assert sum(round(share, 3) == Decimal("0.699") for share in shares) == 1


class Bench:
    """The models of targets on a plan of its own; everything else is the sample's."""

    def __init__(self, sample: BuiltWorld) -> None:
        self.connection = duckdb.connect()
        run = self.connection.execute
        for setting in SETTINGS:
            run(setting)
        run(f"attach '{sample.warehouse}' as built (read_only)")
        # in memory, by the name that compiled queries call the warehouse
        run(f"attach ':memory:' as {sample.warehouse.stem}")
        run(f"use {sample.warehouse.stem}")
        schemas = compiled().schemas
        relations = [f"{schemas[seed]}.{seed}" for seed in SEEDS]
        for relation in (*relations, *LANDED, "intermediate.int_kpi_versions", TREE):
            run(f"create schema if not exists {relation.partition('.')[0]}")
            run(f"create table {relation} as from built.{relation}")

    def plan(
        self,
        targets: list[Stated],
        goals: dict[dt.date, Decimal],
        requirements: truth.Requirements,
    ) -> None:
        """Put another plan in the place of the sample's."""
        rows = [tuple(vars(target).values()) for target in targets]
        frame = pl.DataFrame(
            rows,
            schema={
                "department": pl.String,
                "kpi_id": pl.String,
                "channel": pl.String,
                "month": pl.Date,
                "target_value": pl.Decimal(18, 4),
                "agreed_on": pl.Date,
            },
            orient="row",
        ).with_row_index("source_row", offset=1)
        wanted = pl.DataFrame(
            {"month": list(goals), "won_amount": list(goals.values())},
            schema={"month": pl.Date, "won_amount": pl.Decimal(18, 2)},
        )
        for relation, rows in zip(LANDED, (frame, wanted), strict=True):
            self.connection.register("given", rows.to_arrow())
            self.connection.execute(f"delete from {relation}")
            self.connection.execute(
                f"insert into {relation} by name "
                "select *, true as is_accepted, 'random.csv' as source_file"
                f"{', 1 as source_row' if rows is wanted else ''} from given"
            )
        needed = pl.DataFrame(
            [(*key, required) for key, required in requirements.items()],
            schema={"month": pl.Date, "kpi_id": pl.String, "required": pl.Decimal(18, 2)},
            orient="row",
        )
        self.connection.register("given", needed.to_arrow())
        self.connection.execute(f"delete from {TREE}")
        self.connection.execute(
            f"insert into {TREE} by name select *, 'all' as channel_id, 'parent' as parent "
            "from given"
        )

    def run(self, day: dt.date) -> None:
        """Run the models as of a day, with the tree that was given."""
        project = compiled()
        tree = TREE.partition(".")[2]
        models = {name: model for name, model in project.models.items() if name != tree}
        run_models(self.connection, replace(project, models=models), day, MARTS, READ_FIRST)

    def query(self, sql: str) -> list[tuple]:
        return self.connection.execute(sql).fetchall()


@pytest.fixture(scope="module")
def bench(sample: BuiltWorld) -> Iterator[Bench]:
    found = Bench(sample)
    yield found
    found.connection.close()


def test_any_past_day_has_its_own_targets(
    sample: BuiltWorld, bench: Bench, stated, goals, requirements, kpis
) -> None:
    """Before a plan is agreed on it is not in force, and nothing in it is a conflict."""
    seen = []
    day = sample.log.as_of_date
    for past in (day + dt.timedelta(days=1), day, agreed_on(day), dt.date(2025, 6, 30)):
        bench.run(past)
        found = truth.versions(stated, kpis, past)
        expected = truth.conflicts(truth.in_force(found), goals, requirements, kpis, past)
        assert Counter(bench.query(VERSIONS)) == rows_of_versions(found)
        assert Counter(bench.query(CONFLICTS)) == rows_of(expected)
        seen.append((sum(each.is_in_force for each in found), len(expected)))
    assert seen[0] == seen[1]
    assert seen[1][1] == seen[2][1] == 11
    assert 0 < seen[3][0] < seen[2][0]
    # the start of the sample's funnel: nobody has won yet what the goal would need
    assert {conflict.rule for conflict in expected} == {"requirement_is_targeted"}
    assert max(conflict.month for conflict in expected) < dt.date(2025, 10, 1)


@pytest.mark.parametrize("seed", range(3))
def test_random_plans_have_the_conflicts_that_the_truth_finds(
    bench: Bench, kpis, seed: int
) -> None:
    """With sides and totals missing, numbers that are equal, and versions agreed on too late."""
    chance = random.Random(seed)
    day = dt.date(2026, 9, 30)
    months = [dt.date(year, month, 1) for year in range(2020, 2028) for month in range(1, 13)]
    named = {
        "leads_acquired": ("marketing", "inside_sales"),
        "meetings": ("inside_sales", "field_sales"),
        "won_amount": ("field_sales", "inside_sales"),
        "deals_won": ("field_sales",),
        "win_rate_of_meetings": ("field_sales",),
        "meeting_rate_per_lead": ("inside_sales",),
        "no_show_rate": ("inside_sales",),
        "deals_lost": ("field_sales",),
    }
    targets = [
        Stated(
            *(department, kpi_id, channel, month),
            Decimal(chance.choice((5, 20, 100, 140)))
            / (100 if kpis[kpi_id].unit == "rate" else chance.choice((1, 1, 1, 8))),
            day + dt.timedelta(days=days),
        )
        for month in months
        for kpi_id, departments in named.items()
        for department in departments
        for channel in (None, "webinar", "exhibition", "unknown")
        for days in (-40, -3, 2)
        if chance.random() < 0.4
    ]
    goals = {month: Decimal(chance.choice((5, 20, 140))) for month in months[::2]}
    requirements = {
        (month, kpi_id): Decimal(chance.choice((4, 5, 20, 140)))
        for month in months[::2]
        for kpi_id in ("leads_acquired", "meetings", "deals_won")
    }
    bench.plan(targets, goals, requirements)
    bench.run(day)
    found = truth.versions(targets, kpis, day)
    expected = truth.conflicts(truth.in_force(found), goals, requirements, kpis, day)
    assert Counter(bench.query(VERSIONS)) == rows_of_versions(found)
    assert Counter(bench.query(CONFLICTS)) == rows_of(expected)
    rules = {conflict.rule for conflict in expected}
    assert len(rules) == 6
    assert len(expected) > 200
