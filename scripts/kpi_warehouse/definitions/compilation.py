"""The project's SQL as dbt compiles it, always in the same environment."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from kpi_warehouse.errors import UserError

Manifest = dict[str, Any]
# Compiling needs a database and a date, neither the warehouse nor its lock; see also `make lint`.
ENVIRONMENT = {
    "AS_OF_DATE": "2000-01-01",
    "DATA_DIR": "data",
    "EXTRACTS_DIR": "data/extracts",
    "RESTATE_HISTORY": "0",
    "WAREHOUSE_PATH": ":memory:",
}
# of dbt's own variables, those that choose another project, profile or way to write SQL
_LEFT_OUT = ("DBT_",)
# in case the project's constants say otherwise
_VARS = json.dumps({"as_of_date": ENVIRONMENT["AS_OF_DATE"], "restate_history": False})


def compiled_manifest(root: Path, work: Path) -> Manifest:
    """Compile the models of the project in `root` and return dbt's manifest.

    The SQL does not depend on the caller's environment, as-of date or machine. dbt's own files
    go to `work`. Raises UserError if the project does not compile.
    """
    return _manifest(root, work, "compile", "--select", "resource_type:model", "--no-introspect")


def parsed_manifest(root: Path, work: Path) -> Manifest:
    """The same without compiled SQL, sooner."""
    return _manifest(root, work, "parse")


def _manifest(root: Path, work: Path, command: str, *options: str) -> Manifest:
    # dbt takes seconds to import, which the rules about files should not have to wait for
    from dbt.adapters.duckdb.connections import DuckDBConnectionManager
    from dbt.cli.main import dbtRunner

    arguments = [
        *("--project-dir", str(root)),
        *("--profiles-dir", str(root / "profiles")),
        *("--target", "duckdb"),
        *("--target-path", str(work / "target")),
        *("--log-path", str(work / "logs")),
        *("--log-level", "none"),
        *("--vars", _VARS),
    ]
    with _environment():
        try:
            result = dbtRunner().invoke([command, *options, *arguments])
        finally:
            DuckDBConnectionManager.close_all_connections()
    if not result.success:
        failed = [
            f"{node.node.name}: {node.message}"
            for node in getattr(result.result, "results", None) or []
            if node.message and node.status in ("error", "fail")
        ]
        reason = "; ".join(failed) or str(result.exception)
        raise UserError(f"dbt cannot {command} the project ({reason})", root, "mend the model")
    return json.loads((work / "target" / "manifest.json").read_text("utf-8"))


@contextmanager
def _environment() -> Iterator[None]:
    before = dict(os.environ)
    for name in before:
        if name.startswith(_LEFT_OUT):
            del os.environ[name]
    os.environ.update(ENVIRONMENT)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)
