"""Definitions, policies and mappings that change on a day: before it as before, after it as agreed.

A world is built once; the registry is changed in its warehouse, as a change of the seeds would, and
the models are run again.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Sequence
from pathlib import Path

import duckdb
import pytest

from integration.conftest import BuiltWorld, differences, land_world
from kpi_warehouse.truth.agreements import Spell, truth_as_agreed
from kpi_warehouse.truth.facts import Policies
from kpi_warehouse.truth.kpis import KPIS, truth
from kpi_warehouse.world import WorldOptions

# in the middle of a week, a month, a quarter and a fiscal year
CHANGE = dt.date(2026, 2, 11)
THE_DAY_BEFORE = CHANGE - dt.timedelta(days=1)
NEW = Policies(
    meeting_counts_at="proposal_stage",
    follow_up_starts="after_first_contact",
    open_window_days=3,
    influence_window_days=20,
    recycle_minimum_approaches=8,
)
WITHDRAWN = "inbound_calls"
REGISTRY_MODELS = {"int_kpi_versions", "int_agreements"}


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> BuiltWorld:
    world = land_world(tmp_path_factory.mktemp("agreements"), WorldOptions(activities=12_000))
    world.build_quickly()
    return world


@pytest.fixture
def changed(world: BuiltWorld, tmp_path: Path) -> BuiltWorld:
    """A warehouse of its own on the same landing, with four policies and two KPIs changed."""
    other = copy_of(world, tmp_path)
    execute(
        other,
        "update seeds.kpi_policies set effective_to = $before "
        "where policy_id <> 'small_sample_below'",
        before=THE_DAY_BEFORE,
    )
    for policy_id, value in vars(NEW).items():
        execute(
            other,
            "insert into seeds.kpi_policies (policy_id, policy_value, effective_from) "
            "values ($policy_id, $value, $change)",
            policy_id=policy_id,
            value=str(value),
            change=CHANGE,
        )
    execute(
        other,
        "update seeds.kpi_definitions set effective_to = $before, status = 'retired' "
        "where kpi_id in ('meeting_rate', $withdrawn)",
        before=THE_DAY_BEFORE,
        withdrawn=WITHDRAWN,
    )
    execute(
        other,
        "insert into seeds.kpi_definitions select * replace (2 as version, 'agreed' as status, "
        "'calls_made' as denominator_measure_id, 'calls_made' as sample_measure_id, "
        "$change as effective_from, null as effective_to) "
        "from seeds.kpi_definitions where kpi_id = 'meeting_rate'",
        change=CHANGE,
    )
    execute(
        other,
        "insert into seeds.kpi_signoffs select * replace (2 as version) "
        "from seeds.kpi_signoffs where kpi_id = 'meeting_rate'",
    )
    return other


def copy_of(world: BuiltWorld, folder: Path) -> BuiltWorld:
    """The same warehouse once more, on the same landing."""
    (folder / "landing").symlink_to(world.folder / "landing")
    (folder / "warehouse.duckdb").write_bytes(world.warehouse.read_bytes())
    return BuiltWorld(world.log, folder)


def execute(world: BuiltWorld, sql: str, **parameters: object) -> None:
    with duckdb.connect(str(world.warehouse)) as connection:
        connection.execute(sql, parameters)


def run(world: BuiltWorld) -> None:
    """Run the models that rest on the registry."""
    world.build_quickly(below=REGISTRY_MODELS)


def run_by_dbt(world: BuiltWorld, command: str, *arguments: str) -> None:
    """The same by dbt, with `build` also their data tests, which hold for any registry."""
    selected = [f"{model}+" for model in sorted(REGISTRY_MODELS)]
    if command == "build":
        arguments += ("--exclude-resource-types", "unit_test", "seed")
    world.dbt(command, "--select", *selected, *arguments)


def spells() -> tuple[Spell, Spell]:
    """What was agreed before the change, and from it on."""
    kpis_after = tuple(
        dataclasses.replace(kpi, denominator="calls_made") if kpi.kpi_id == "meeting_rate" else kpi
        for kpi in KPIS
        if kpi.kpi_id != WITHDRAWN
    )
    return (Spell(dt.date(2000, 1, 1), Policies(), KPIS), Spell(CHANGE, NEW, kpis_after))


def test_history_keeps_its_values_and_the_future_has_the_new_ones(
    world: BuiltWorld, changed: BuiltWorld
) -> None:
    """Every KPI, dimension, period and basis: each event by what was agreed on its own day."""
    run_by_dbt(changed, "build")
    assert differences(changed, truth_as_agreed(world.log, spells())) == []
    assert differences(changed, truth(world.log)) != [], "the change changes nothing"

    rows = changed.query(
        """
        select basis, definition_version, is_mixed_version, count(*)
        from marts.kpi_by_period
        where kpi_id = 'meeting_rate' and period_grain = 'month'
            and period_start in (date '2026-01-01', date '2026-02-01', date '2026-03-01')
        group by all order by all
        """
    )
    # cohorts of before have events of after
    assert rows == [
        ("cohort", 1, True, 1),
        ("cohort", 2, False, 1),
        ("cohort", 2, True, 1),
        ("event", 1, False, 1),
        ("event", 2, False, 1),
        ("event", 2, True, 1),
    ]
    last = changed.query(
        f"select max(period_start) from marts.kpi_by_period where kpi_id = '{WITHDRAWN}'"
    )
    assert CHANGE - dt.timedelta(days=14) < last[0][0] < CHANGE
    versions = changed.query(
        "select version, is_current, effective_from, effective_to from marts.dim_kpis "
        "where kpi_id = 'meeting_rate' order by version"
    )
    assert versions == [
        (1, False, dt.date(2000, 1, 1), THE_DAY_BEFORE),
        (2, True, CHANGE, None),
    ]


def test_history_can_be_restated(world: BuiltWorld, changed: BuiltWorld) -> None:
    """All events by what is agreed today; a withdrawn KPI has no history then."""
    run_by_dbt(changed, "run", "--vars", "restate_history: true")
    today = dataclasses.replace(spells()[1], first_day=dt.date(2000, 1, 1))
    assert differences(changed, truth_as_agreed(world.log, [today])) == []
    rows = changed.query(
        "select count(*), count(*) filter (where is_mixed_version or definition_version <> 2) "
        "from marts.kpi_by_period where kpi_id = 'meeting_rate'"
    )
    assert rows[0][0] > 0
    assert rows[0][1] == 0


def test_only_kpis_that_name_a_policy_depend_on_it(world: BuiltWorld, changed: BuiltWorld) -> None:
    """policy_ids is what the models do: no KPI moves, in total or by rep, without it."""
    # a rate whose definition was changed as well
    execute(changed, "delete from seeds.kpi_definitions where version = 2")
    execute(changed, "update seeds.kpi_definitions set effective_to = null, status = 'agreed'")
    run(changed)
    moved = moved_kpis(world, changed, "kpi_by_period")
    moved |= moved_kpis(world, changed, "kpi_by_rep_period")
    named = changed.query(
        """
        select distinct kpi_id
        from seeds.kpi_definitions as definitions
        inner join seeds.measures as measures
            on measures.measure_id
            in (definitions.numerator_measure_id, definitions.denominator_measure_id)
        where measures.policy_ids is not null
        union all
        select definitions.kpi_id
        from seeds.kpi_definitions as definitions
        inner join seeds.distributions as distributions
            on definitions.distribution_id = distributions.distribution_id
        where distributions.policy_ids is not null
        """
    )
    assert moved <= {kpi_id for (kpi_id,) in named}
    assert moved >= {"meetings", "follow_ups", "email_open_rate", "won_amount_influenced"}


def test_a_mapping_that_changes_keeps_the_past(world: BuiltWorld, tmp_path: Path) -> None:
    """A voicemail that counts as connected from a day on, day by day beside both alternatives."""
    worlds = {}
    for name in ("always", "from the day on"):
        (tmp_path / name).mkdir()
        worlds[name] = copy_of(world, tmp_path / name)
    voicemail = "disposition_code = '留守番電話'"
    new = "'left_message' as outcome_code, true as is_connected, 'other' as reached"
    execute(
        worlds["always"],
        f"create or replace table seeds.call_outcomes as select * replace ({new}) "
        f"from seeds.call_outcomes where {voicemail} "
        f"union all from seeds.call_outcomes where not {voicemail}",
    )
    execute(
        worlds["from the day on"],
        f"insert into seeds.call_outcomes select * replace ({new}, $change as valid_from) "
        f"from seeds.call_outcomes where {voicemail}",
        change=CHANGE,
    )
    execute(
        worlds["from the day on"],
        f"update seeds.call_outcomes set valid_to = $before "
        f"where {voicemail} and valid_from is null",
        before=THE_DAY_BEFORE,
    )
    for changed in worlds.values():
        changed.build_quickly("kpi_by_period", below={"call_outcomes"})
    base = connected_by_day(world)
    always, dated = (connected_by_day(changed) for changed in worlds.values())
    assert {day: count for day, count in base.items() if day < CHANGE} == {
        day: count for day, count in dated.items() if day < CHANGE
    }
    assert {day: count for day, count in always.items() if day >= CHANGE} == {
        day: count for day, count in dated.items() if day >= CHANGE
    }
    assert always != dated != base


def test_a_draft_stands_beside_what_is_agreed(changed: BuiltWorld) -> None:
    """An unsigned version is published nowhere; it is computed over all of history, apart."""
    execute(changed, "delete from seeds.kpi_signoffs where version = 2")
    execute(changed, "update seeds.kpi_definitions set status = 'draft' where version = 2")
    execute(
        changed,
        "update seeds.kpi_definitions set effective_to = null, status = 'agreed' where version = 1",
    )
    run(changed)
    rows = changed.query(
        """
        select count(*), count(*) filter (where agreed_version <> 1 or draft_version <> 2),
            sum(draft_numerator - agreed_numerator),
            min(period_start) < date '2026-01-01',
            count(*) filter (where draft_value > agreed_value)
        from drafts.kpi_drafts_by_channel_period
        """
    )
    count, odd, difference, reaches_back, larger = rows[0]
    assert count > 1_000
    assert (odd, difference, reaches_back, larger) == (0, 0, True, 0)
    drafted = changed.query("select distinct kpi_id from drafts.kpi_drafts_by_period")
    assert drafted == [("meeting_rate",)]
    published = changed.query(
        "select distinct definition_version from marts.kpi_by_period where kpi_id = 'meeting_rate'"
    )
    assert published == [(1,)]


def test_definition_gap_adds_up_to_the_two_kpis(changed: BuiltWorld) -> None:
    """Both counts equal their KPIs, and the leads named are as many as are counted."""
    run(changed)
    rows = changed.query(
        """
        select gap.policy_value, kpis.kpi_id, count(*),
            sum(gap.meetings) as meetings,
            count(*) filter (
                where gap.meetings <> kpis.numerator
                or gap.meetings <> case gap.policy_value
                    when 'first_appointment' then gap.meetings_first_appointment
                    else gap.meetings_proposal_stage
                end
                or len(string_split(coalesce(gap.lead_ids_only_here, ''), ' '))
                > gap.leads_only_here + 1
            )
        from marts.definition_gap as gap
        inner join marts.kpi_by_channel_period as kpis
            on kpis.kpi_id = 'meetings_' || gap.policy_value and kpis.basis = 'event'
            and gap.period_grain = kpis.period_grain and gap.period_start = kpis.period_start
            and gap.channel_id = kpis.channel_id
        where gap.period_grain <> 'day'
        group by all order by all
        """
    )
    assert [(value, wrong) for value, _, _, _, wrong in rows] == [
        ("first_appointment", 0),
        ("proposal_stage", 0),
    ]
    assert all(meetings > 100 for _, _, _, meetings, _ in rows)
    in_force = changed.query(
        "select policy_value, min(period_start), max(period_start) from marts.definition_gap "
        "where is_in_force and period_grain = 'month' group by all order by all"
    )
    assert in_force[0][0] == "first_appointment"
    assert in_force[0][2] == dt.date(2026, 1, 1)
    assert in_force[1][:2] == ("proposal_stage", dt.date(2026, 2, 1))


def connected_by_day(world: BuiltWorld) -> dict[dt.date, Sequence]:
    """Day -> what each KPI counts over all channels, by the definition of the day."""
    rows = world.query(
        "select period_start, list((kpi_id, numerator, denominator) order by kpi_id) "
        "from marts.kpi_by_period where basis = 'event' and period_grain = 'day' "
        "and kpi_id in ('calls_connected', 'connection_rate', 'meeting_rate') "
        "group by period_start"
    )
    assert len(rows) > 300
    return dict(rows)


def moved_kpis(before: BuiltWorld, after: BuiltWorld, mart: str) -> set[str]:
    """The KPIs of which any row of a mart differs."""
    with duckdb.connect() as connection:
        for name, world in (("before", before), ("after", after)):
            connection.execute(f"attach '{world.warehouse}' as {name} (read_only)")
        sides = [
            f"(select * exclude (definition_version, is_mixed_version) from {one}.marts.{mart} "
            f"except all select * exclude (definition_version, is_mixed_version) "
            f"from {other}.marts.{mart})"
            for one, other in (("before", "after"), ("after", "before"))
        ]
        rows = connection.execute(
            f"select distinct kpi_id from (from {sides[0]} union all from {sides[1]})"
        ).fetchall()
    return {kpi_id for (kpi_id,) in rows}
