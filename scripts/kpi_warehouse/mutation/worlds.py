"""The worlds that mutants are tried on: small, and with every trap that the sample has."""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import duckdb
import numpy as np
import polars as pl

from kpi_warehouse.dbt_build import WITHOUT_UNIT_TESTS, run_dbt_build
from kpi_warehouse.landing import land, read_layouts
from kpi_warehouse.mutation.project import CompiledProject
from kpi_warehouse.pipeline import STAGING_DIR
from kpi_warehouse.truth.agreements import Spell, truth_as_agreed
from kpi_warehouse.truth.facts import Policies
from kpi_warehouse.truth.kpis import KPIS, Kpi, Truth
from kpi_warehouse.world import WorldLog, WorldOptions, write_sample
from kpi_warehouse.world.rates import Rates, load_rates
from kpi_warehouse.world.sample import SampleFormat
from kpi_warehouse.world.writers.crm_ids import user_ids
from kpi_warehouse.world.writers.native_limits import carried_natively

Say = Callable[[str], None]

ACTIVITIES = 12_000
# Head counts grow with the volume; these are for the small one, so that reps change teams there.
STAFF = {"sdr_reps": 3, "bdr_reps": 2, "field_reps": 3}
# Rates of a world in which what is rare elsewhere happens often enough to matter.
DENSE = {
    "appointments": {"no_show": 0.15, "other_booker": 0.15},
    "deals": {"usd": 0.15, "eur": 0.10, "deleted": 0.05, "without_lead": 0.08, "reopened": 0.25},
    "emails": {"click": 0.4, "machine_open": 0.2, "reply_meeting": 1.5},
    "leads": {"deleted": 0.04},
}
MORE_MEETINGS = 3.0


@dataclass(frozen=True)
class WorldPlan:
    """What a world is made from, and what is agreed in it.

    Attributes:
        options: Of the world.
        sample_format: Of its extracts.
        agree: Changes the registry in the warehouse; None: it stays the project's.
        spells: What was agreed when, after that; None: as the project's registry says.
    """

    options: WorldOptions
    sample_format: SampleFormat
    agree: Callable[[duckdb.DuckDBPyConnection], None] | None = None
    spells: tuple[Spell, ...] | None = None


@dataclass(frozen=True)
class World:
    """A world with its warehouse built, and what the warehouse should say.

    Attributes:
        folder: Holds warehouse.duckdb, and dbt's manifest in dbt/target.
        project: The project as compiled for this world.
        log: What truly happened.
        expected: Its KPIs.
    """

    folder: Path
    project: CompiledProject
    log: WorldLog
    expected: Truth

    @property
    def warehouse(self) -> Path:
        """The database; its models may be older than what is agreed in it."""
        return self.folder / "warehouse.duckdb"

    def environment(self) -> dict[str, str]:
        """What dbt needs to know."""
        return environment_of(self.folder, self.log.as_of_date)


def dense_rates() -> Rates:
    """The sample's rates, with enough people, meetings and deals for a small world."""
    rates = load_rates()
    volume = rates.tables["volume"]
    staff = {
        name: heads * volume["reference_activities"] / ACTIVITIES for name, heads in STAFF.items()
    }
    tables = rates.tables | {"volume": volume | staff}
    for name, values in DENSE.items():
        tables[name] = tables[name] | values
    meeting = np.minimum(rates.by_channel["meeting"] * MORE_MEETINGS, 0.9)
    return dataclasses.replace(
        rates, tables=tables, by_channel=rates.by_channel | {"meeting": meeting}
    )


def first_plan() -> WorldPlan:
    """The world every mutant is tried on; its seed is one that plants every trap."""
    options = WorldOptions(
        seed=12, activities=ACTIVITIES, start=dt.date(2025, 4, 1), rates=dense_rates()
    )
    return WorldPlan(options, "generic")


CHANGE = dt.date(2025, 9, 10)
_NEW = Policies(
    meeting_counts_at="proposal_stage",
    follow_up_starts="after_first_contact",
    open_window_days=3,
    influence_window_days=20,
    recycle_minimum_approaches=8,
)
_REDEFINED, _WITHDRAWN, _DRAFTED = "meeting_rate", "inbound_calls", "connection_rate"


def second_plan() -> WorldPlan:
    """Another world for what survives: other people, a past as-of date, agreements that change.

    In the middle of a week, month and quarter all policies take another value, one KPI another
    denominator, one is withdrawn, and one has a draft.
    """
    options = WorldOptions(
        seed=16,
        activities=ACTIVITIES,
        start=dt.date(2024, 7, 1),
        as_of_date=dt.date(2026, 2, 28),
        rates=dense_rates(),
    )
    before, after = Spell(dt.date(2000, 1, 1), Policies(), KPIS), Spell(CHANGE, _NEW, _kpis_after())
    return WorldPlan(options, "generic", _change_agreements, (before, after))


def _kpis_after() -> tuple[Kpi, ...]:
    return tuple(
        dataclasses.replace(kpi, denominator="calls_made") if kpi.kpi_id == _REDEFINED else kpi
        for kpi in KPIS
        if kpi.kpi_id != _WITHDRAWN
    )


def _change_agreements(connection: duckdb.DuckDBPyConnection) -> None:
    eve = CHANGE - dt.timedelta(days=1)
    for policy_id, value in vars(_NEW).items():
        connection.execute(
            "update seeds.kpi_policies set effective_to = ? where policy_id = ?", [eve, policy_id]
        )
        connection.execute(
            "insert into seeds.kpi_policies (policy_id, policy_value, effective_from) "
            "values (?, ?, ?)",
            [policy_id, str(value), CHANGE],
        )
    connection.execute(
        "update seeds.kpi_definitions set effective_to = ?, status = 'retired' "
        "where kpi_id in (?, ?)",
        [eve, _REDEFINED, _WITHDRAWN],
    )
    for kpi_id, status, denominator in (
        (_REDEFINED, "agreed", "calls_made"),
        (_DRAFTED, "draft", "leads_acquired"),
    ):
        connection.execute(
            "insert into seeds.kpi_definitions select * replace (2 as version, ? as status, "
            "? as denominator_measure_id, ? as sample_measure_id, "
            "cast(? as date) as effective_from, null as effective_to) "
            "from seeds.kpi_definitions where kpi_id = ?",
            [status, denominator, denominator, CHANGE, kpi_id],
        )
    connection.execute(
        "insert into seeds.kpi_signoffs select * replace (2 as version) "
        "from seeds.kpi_signoffs where kpi_id = ?",
        [_REDEFINED],
    )


def build(plan: WorldPlan, folder: Path, say: Say) -> World:
    """Simulate the world, land its extracts, build the warehouse and test it.

    Raises:
        BuildError: the project fails its own tests before any error is planted.
    """
    say(
        f"building a {plan.sample_format} world of {plan.options.activities:,} activities, "
        f"seed {plan.options.seed}"
    )
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("warehouse.duckdb", "warehouse.duckdb.wal"):
        (folder / name).unlink(missing_ok=True)
    log = write_sample(folder / "extracts", plan.options, plan.sample_format)
    land(folder / "extracts", folder / "landing", read_layouts(STAGING_DIR), lambda line: None)
    run_dbt_build(
        environment_of(folder, log.as_of_date),
        folder / "dbt",
        lambda line: None,
        ("build", *WITHOUT_UNIT_TESTS),
    )
    missing = sorted(name for name, count in log.traps.items() if not count)
    planted = f"{len(log.traps) - len(missing)} of {len(log.traps)} kinds of traps are planted"
    say(f"  {planted}{'; missing: ' + ', '.join(missing) if missing else ''}")
    project = CompiledProject.read(folder / "dbt" / "target" / "manifest.json")
    if plan.agree:
        with duckdb.connect(str(folder / "warehouse.duckdb")) as connection:
            plan.agree(connection)
    return World(folder, project, log, expected_of(log, plan))


def expected_of(log: WorldLog, plan: WorldPlan) -> Truth:
    """What the warehouse should say of a world, as far as its format can say it."""
    if plan.sample_format == "generic":
        return truth_as_agreed(log, plan.spells)
    truth = truth_as_agreed(carried_natively(log), plan.spells)
    exported = dict(user_ids(log).select("key", "id").rows())
    return dataclasses.replace(
        truth, by_rep=truth.by_rep.with_columns(pl.col("rep_id").replace(exported))
    )


def environment_of(folder: Path, as_of_date: dt.date) -> dict[str, str]:
    """What dbt needs to know about a world's folder."""
    return {
        "AS_OF_DATE": as_of_date.isoformat(),
        "DATA_DIR": str(folder),
        "WAREHOUSE_PATH": str(folder / "warehouse.duckdb"),
    }
