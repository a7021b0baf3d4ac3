"""Checks of what was landed that a person has to mend before a build makes sense."""

from __future__ import annotations

from pathlib import Path

import duckdb

from kpi_warehouse.errors import UserError
from kpi_warehouse.landing.readers import literal_glob


def check_targets(landing_dir: Path, registry: Path) -> None:
    """Every KPI that a target names is in the registry; case and outer blanks do not matter.

    Raises UserError that names the first unknown KPI, its file and row, and counts the others.
    """
    connection = duckdb.connect()
    try:
        unknown = connection.execute(
            """
            select trim(kpi_id), _file_name, _row_number
            from read_parquet($landed, union_by_name = true, hive_partitioning = false)
            where lower(trim(kpi_id)) not in (
                select kpi_id from read_csv($registry, header = true, all_varchar = true)
            )
            order by _file_name, _row_number
            """,
            {
                "landed": f"{literal_glob(landing_dir)}/planning/targets/*.parquet",
                "registry": literal_glob(registry),
            },
        ).fetchall()
    finally:
        connection.close()
    if not unknown:
        return
    kpi_id, file_name, row_number = unknown[0]
    others = f" and {len(unknown) - 1} more rows" if len(unknown) > 1 else ""
    raise UserError(
        f"unknown KPI {kpi_id} in row {row_number}{others}",
        file_name,
        f"correct it, or define it in {registry.parent.name}/{registry.name}",
    )
