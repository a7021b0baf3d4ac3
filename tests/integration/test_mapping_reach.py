"""A mapping changes nothing but what the lock holds to rest on it: measures and distributions."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import duckdb
import pytest

from integration.conftest import BuiltWorld
from integration.quick_build import compiled, manifest_path, run_models
from kpi_warehouse.definitions.lineage import MAPPED_FIELDS, Grounds, Lineage
from kpi_warehouse.definitions.registry import read_registry
from kpi_warehouse.mutation.bench import SETTINGS
from kpi_warehouse.pipeline import REGISTRY
from kpi_warehouse.world import WorldOptions

# mappings that nothing rests on
DECIDES_NOTHING = {"company_sizes"}
# each meaning becomes the one so many places on, of all meanings in their order
SHIFTS = (1, 2, 3)
TARGETS = ("int_measures_daily", "int_observations")


class Copy:
    """A copy of a warehouse whose mappings change and whose models are run again."""

    def __init__(self, world: BuiltWorld, folder: Path) -> None:
        path = folder / world.warehouse.name
        shutil.copy(world.warehouse, path)
        self.connection = duckdb.connect(str(path))
        for setting in SETTINGS:
            self.connection.execute(setting)
        self._as_of_date = world.log.as_of_date

    def measures(self) -> dict[str, str]:
        """A digest of all rows of each measure and distribution."""
        rows = self.connection.execute(
            "select counted, md5(string_agg(row_text, ';' order by row_text)) from ("
            "select measure_id as counted, cast(daily as varchar) as row_text "
            "from intermediate.int_measures_daily as daily union all "
            "select distribution_id as counted, cast(cases as varchar) as row_text "
            "from intermediate.int_observations as cases) group by counted"
        )
        return dict(rows.fetchall())

    def reached(self, seed: str) -> set[str]:
        """The measures and distributions that change when the codes of a mapping change."""
        before = self.measures()
        run = self.connection.execute
        run(f"create or replace temp table original as select * from seeds.{seed}")
        code, *meaning = [row[0] for row in run(f"describe seeds.{seed}").fetchall()]
        run(
            "create or replace temp table meanings as select *, row_number() over (order by "
            f"{', '.join(meaning)}) as place from (select distinct {', '.join(meaning)} "
            "from original)"
        )
        found = set()
        for shift in SHIFTS:
            run(
                f"create or replace table seeds.{seed} as "
                f"select original.{code}, {', '.join(f'shifted.{name}' for name in meaning)} "
                "from original inner join meanings as own on "
                + " and ".join(
                    f"original.{name} is not distinct from own.{name}" for name in meaning
                )
                + " cross join (select count(*) as places from meanings) as counted "
                "inner join meanings as shifted "
                f"on shifted.place = (own.place - 1 + {shift}) % counted.places + 1"
            )
            self._run_below(seed)
            now = self.measures()
            found |= {name for name in before.keys() | now if before.get(name) != now.get(name)}
        run(f"create or replace table seeds.{seed} as select * from original")
        self._run_below(seed)
        assert self.measures() == before
        return found

    def _run_below(self, seed: str) -> None:
        """Run the models that read a seed or what depends on it."""
        run_models(self.connection, compiled(), self._as_of_date, TARGETS, {seed})


@pytest.fixture(scope="module")
def warehouse(
    small_world: Callable[[WorldOptions], BuiltWorld], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Copy]:
    world = small_world(WorldOptions(seed=11, activities=6_000))
    found = Copy(world, tmp_path_factory.mktemp("reach"))
    yield found
    found.connection.close()


@pytest.fixture(scope="module")
def grounds() -> dict[str, Grounds]:
    registry, problems = read_registry(REGISTRY)
    assert problems == []
    lineage = Lineage(json.loads(manifest_path().read_text("utf-8")))
    return lineage.grounds(registry.measures) | lineage.observations(registry.distributions)


@pytest.mark.parametrize("seed", [*MAPPED_FIELDS, "lead_sources"])
def test_a_mapping_changes_only_what_rests_on_it(
    warehouse: Copy, grounds: dict[str, Grounds], seed: str
) -> None:
    resting = {name for name, ground in grounds.items() if seed in ground.mappings}
    reached = warehouse.reached(seed)
    assert reached - resting == set()
    assert bool(reached) == (seed not in DECIDES_NOTHING)
