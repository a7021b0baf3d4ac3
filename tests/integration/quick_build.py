"""Build a world's warehouse without what dbt costs per model.

dbt compiles the project once per process, and DuckDB runs what it compiled, in the order of the
manifest: a quarter of the time. For worlds that are built to look at their numbers. What dbt adds,
contracts and data tests, is for the worlds that dbt builds; `test_dirty_files` holds one of them
against the same world built this way, table by table.
"""

from __future__ import annotations

import datetime as dt
import shutil
import tempfile
from collections.abc import Collection
from functools import cache
from pathlib import Path

import duckdb

from kpi_warehouse.dbt_build import run_dbt_build
from kpi_warehouse.mutation.bench import SETTINGS
from kpi_warehouse.mutation.project import CompiledProject
from workbench import put_on_workbench

# compiled with a day that no model names, which then becomes the world's
ANY_DAY = dt.date(2199, 12, 30)
_root = tempfile.TemporaryDirectory(prefix="compiled-")


@cache
def manifest_path() -> Path:
    """The manifest of the project compiled for any world and day."""
    # first, as loading seeds writes a manifest as well
    _seeds()
    _dbt("compile", "--select", "resource_type:model")
    return Path(_root.name) / "dbt" / "target" / "manifest.json"


@cache
def compiled() -> CompiledProject:
    """What the manifest says."""
    return CompiledProject.read(manifest_path(), with_tests=False)


@cache
def _seeds() -> Path:
    """A warehouse that holds the seeds and nothing else."""
    _dbt("seed")
    return Path(_root.name) / "warehouse.duckdb"


def _dbt(*arguments: str) -> None:
    bench = put_on_workbench(Path(_root.name))
    environment = {
        "AS_OF_DATE": ANY_DAY.isoformat(),
        "DATA_DIR": str(bench),
        "WAREHOUSE_PATH": str(bench / "warehouse.duckdb"),
    }
    run_dbt_build(environment, Path(_root.name) / "dbt", lambda line: None, arguments)


def build_quickly(
    folder: Path,
    as_of_date: dt.date,
    targets: Collection[str] = (),
    below: Collection[str] = (),
) -> None:
    """Run the models that lead to the targets, or all, on the landing and warehouse in a folder.

    With `below`, only these models and what depends on them or on these seeds, in a warehouse that
    is there; else a new warehouse with the project's seeds.
    """
    project = compiled()
    warehouse = folder / "warehouse.duckdb"
    if not below:
        shutil.copyfile(_seeds(), warehouse)
    put_on_workbench(folder)
    with duckdb.connect(str(warehouse)) as connection:
        for setting in SETTINGS:
            connection.execute(setting)
        run_models(connection, project, as_of_date, targets, below)


def run_models(
    connection: duckdb.DuckDBPyConnection,
    project: CompiledProject,
    as_of_date: dt.date,
    targets: Collection[str] = (),
    below: Collection[str] = (),
) -> None:
    """The same on an open warehouse, whose landing is on the workbench."""
    wanted = _with_inputs(project, targets or project.models)
    changed = set(below)
    for model in project.models.values():
        if model.name not in wanted:
            continue
        if below and model.name not in changed and not model.inputs & changed:
            continue
        changed.add(model.name)
        sql = model.sql.replace(ANY_DAY.isoformat(), as_of_date.isoformat())
        kind = "view" if model.is_view else "table"
        connection.execute(f"create schema if not exists {model.schema}")
        connection.execute(f"create or replace {kind} {model.relation} as {sql}")


def _with_inputs(project: CompiledProject, targets: Collection[str]) -> set[str]:
    wanted = set(targets)
    for model in reversed(project.models.values()):
        if model.name in wanted:
            wanted |= model.inputs
    return wanted
