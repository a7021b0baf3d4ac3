"""Ask MetricFlow, in this process: what `mf query` answers, as polars frames."""

from __future__ import annotations

import datetime as dt
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import polars as pl
from dbt.adapters.duckdb.connections import DuckDBConnectionManager
from dbt.adapters.factory import get_adapter_by_type
from dbt.cli.main import dbtRunner
from dbt_metricflow.cli.dbt_connectors.adapter_backed_client import AdapterBackedSqlClient
from metricflow.engine.metricflow_engine import MetricFlowEngine, MetricFlowQueryRequest
from metricflow_semantics.model.dbt_manifest_parser import (
    parse_manifest_from_dbt_generated_manifest,
)
from metricflow_semantics.model.semantic_manifest_lookup import SemanticManifestLookup

from kpi_warehouse.settings import PROJECT_DIR

ADAPTER = "duckdb"


class SemanticLayer:
    """MetricFlow over one warehouse."""

    def __init__(self, engine: MetricFlowEngine) -> None:
        self._engine = engine

    def query(self, metrics: Sequence[str], group_by: Sequence[str] = ()) -> pl.DataFrame:
        """One row per group, with a column per group-by and per metric, as `mf query` names them.

        Args:
            metrics: names of metrics; asked for together, they are computed in one statement.
            group_by: for example `metric_time__month`, `channel`, `rep`.

        Numbers are Float64, dates are Date. A group in which nothing happened has no row.
        """
        request = MetricFlowQueryRequest.create(
            metric_names=list(metrics), group_by_names=list(group_by)
        )
        table = self._engine.query(request).result_df
        if table is None:
            raise RuntimeError(f"MetricFlow returned no table for {', '.join(metrics)}")
        return pl.DataFrame(
            [
                _series(name, [row[index] for row in table.rows], is_metric=name in metrics)
                for index, name in enumerate(table.column_names)
            ]
        )


@contextmanager
def semantic_layer(environment: Mapping[str, str], work_dir: Path) -> Iterator[SemanticLayer]:
    """MetricFlow on the warehouse that the environment's WAREHOUSE_PATH or DATA_DIR names.

    dbt's own files go to `work_dir`. No other process can write the warehouse until this is left,
    and none in this process may have it open until then.
    """
    before = dict(os.environ)
    os.environ.update(environment)
    try:
        manifest = _semantic_manifest(work_dir)
        adapter = get_adapter_by_type(ADAPTER)
        try:
            yield SemanticLayer(
                MetricFlowEngine(
                    semantic_manifest_lookup=SemanticManifestLookup(
                        parse_manifest_from_dbt_generated_manifest(manifest)
                    ),
                    sql_client=AdapterBackedSqlClient(adapter),
                )
            )
        finally:
            # what threads still hold keeps the file open
            adapter.cleanup_connections()
    finally:
        DuckDBConnectionManager.close_all_connections()
        os.environ.clear()
        os.environ.update(before)


def _semantic_manifest(work_dir: Path) -> str:
    """What dbt makes of models/semantic, as JSON; loads the adapter on the way."""
    target = work_dir / "target"
    parsed = dbtRunner().invoke(
        [
            "--log-level",
            "none",
            "--log-level-file",
            "info",
            "--log-path",
            str(work_dir / "logs"),
            "parse",
            "--project-dir",
            str(PROJECT_DIR),
            "--profiles-dir",
            str(PROJECT_DIR / "profiles"),
            "--target-path",
            str(target),
        ]
    )
    if not parsed.success:
        raise RuntimeError(f"dbt cannot read the project: {parsed.exception}")
    return (target / "semantic_manifest.json").read_text(encoding="utf-8")


def _series(name: str, cells: list[object], is_metric: bool) -> pl.Series:
    """A metric's numbers, the first days of periods, or a dimension's values as they are."""
    if is_metric:
        return pl.Series(
            name, [None if cell is None else float(cell) for cell in cells], pl.Float64
        )
    return pl.Series(
        name, [cell.date() if isinstance(cell, dt.datetime) else cell for cell in cells]
    )
