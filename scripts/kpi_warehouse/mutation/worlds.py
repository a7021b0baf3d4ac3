"""The worlds that mutants are tried on: small, and with every trap that the sample has."""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import duckdb

from kpi_warehouse.dbt_build import WITHOUT_UNIT_TESTS, run_dbt_build
from kpi_warehouse.errors import BuildError
from kpi_warehouse.landing import land, read_layouts
from kpi_warehouse.mutation.project import CompiledProject
from kpi_warehouse.pipeline import STAGING_DIR
from kpi_warehouse.truth.facts import Policies
from kpi_warehouse.truth.kpis import Truth, truth
from kpi_warehouse.world import WorldLog, WorldOptions, write_sample
from kpi_warehouse.world.rates import Rates, load_rates

Say = Callable[[str], None]

ACTIVITIES = 12_000
# Head counts grow with the volume; these are for the small one, so that reps change teams there.
STAFF = {"sdr_reps": 3, "bdr_reps": 2, "field_reps": 3}


@dataclass(frozen=True)
class WorldPlan:
    """What a world is made from, and the policies it is counted by."""

    options: WorldOptions
    policies: Policies = field(default_factory=Policies)


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
        """The database with every model of the project as it is."""
        return self.folder / "warehouse.duckdb"

    def environment(self) -> dict[str, str]:
        """What dbt needs to know."""
        return environment_of(self.folder, self.log.as_of_date)


def staffed_rates() -> Rates:
    """The sample's rates with enough people for a small world."""
    rates = load_rates()
    reference = rates.tables["volume"]["reference_activities"]
    staff = {name: heads * reference / ACTIVITIES for name, heads in STAFF.items()}
    volume = rates.tables["volume"] | staff
    return dataclasses.replace(rates, tables=rates.tables | {"volume": volume})


def first_plan() -> WorldPlan:
    """The world every mutant is tried on; its seed is one that plants every trap."""
    return WorldPlan(
        WorldOptions(
            seed=15, activities=ACTIVITIES, start=dt.date(2025, 4, 1), rates=staffed_rates()
        )
    )


def second_plan() -> WorldPlan:
    """Another world for what survives: other people, another as-of date, other policies."""
    return WorldPlan(
        WorldOptions(
            seed=14,
            activities=ACTIVITIES,
            start=dt.date(2024, 7, 1),
            as_of_date=dt.date(2026, 2, 28),
            rates=staffed_rates(),
        ),
        Policies(
            meeting_counts_at="proposal_stage",
            follow_up_starts="after_first_contact",
            open_window_days=7,
            influence_window_days=30,
        ),
    )


def build(plan: WorldPlan, folder: Path, say: Say) -> World:
    """Simulate the world, land its extracts, build the warehouse and test it.

    Raises:
        BuildError: the project fails its own tests before any error is planted.
    """
    say(f"building a world of {plan.options.activities:,} activities, seed {plan.options.seed}")
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("warehouse.duckdb", "warehouse.duckdb.wal"):
        (folder / name).unlink(missing_ok=True)
    log = write_sample(folder / "extracts", plan.options)
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
    _set_policies(folder / "warehouse.duckdb", plan.policies)
    return World(folder, project, log, truth(log, plan.policies))


def environment_of(folder: Path, as_of_date: dt.date) -> dict[str, str]:
    """What dbt needs to know about a world's folder."""
    return {
        "AS_OF_DATE": as_of_date.isoformat(),
        "DATA_DIR": str(folder),
        "WAREHOUSE_PATH": str(folder / "warehouse.duckdb"),
    }


def _set_policies(warehouse: Path, policies: Policies) -> None:
    with duckdb.connect(str(warehouse)) as connection:
        for policy_id, value in vars(policies).items():
            changed = connection.execute(
                "update seeds.kpi_policies set policy_value = ? where policy_id = ?",
                [str(value), policy_id],
            ).fetchone()
            if not changed or not changed[0]:
                raise BuildError(f"the registry has no policy {policy_id}", [])
