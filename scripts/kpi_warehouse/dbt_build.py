"""Run `dbt build` in this process, with a line of progress per layer."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dbt.adapters.duckdb.connections import DuckDBConnectionManager
from dbt.cli.main import dbtRunner
from dbt.contracts.graph.manifest import Manifest

from kpi_warehouse.errors import BuildError
from kpi_warehouse.settings import PROJECT_DIR

# A layer that takes longer than this reports how far it is.
_SECONDS_BETWEEN_LINES = 10
_FAILED = {"error", "fail", "runtime error", "partial success"}
_MESSAGE_LENGTH = 300
WITHOUT_UNIT_TESTS = ("--exclude-resource-type", "unit_test")


@dataclass(frozen=True)
class DbtOutcome:
    """What a build did: nodes run, and a line per test that warned."""

    node_count: int
    warnings: tuple[str, ...]


class LayerProgress:
    """Counts finished nodes per layer; reports a finished layer, or one that takes long.

    dbt calls it from its threads.
    """

    def __init__(self, totals: Mapping[str, int], say: Callable[[str], None]) -> None:
        self._totals = totals
        self._say = say
        self._done: Counter[str] = Counter()
        self._first_seen: dict[str, float] = {}
        self._last_line = time.monotonic()
        self._lock = threading.Lock()

    def started(self, layer: str) -> None:
        """A node of the layer begins."""
        with self._lock:
            self._first_seen.setdefault(layer, time.monotonic())

    def finished(self, layer: str) -> None:
        """A node of the layer is done, whatever came of it."""
        with self._lock:
            now = time.monotonic()
            self._done[layer] += 1
            is_complete = self._done[layer] == self._totals.get(layer)
            if is_complete or now - self._last_line >= _SECONDS_BETWEEN_LINES:
                counter = f"{self._done[layer]}/{self._totals.get(layer, '?')}"
                seconds = now - self._first_seen.get(layer, now)
                self._say(f"  {layer:<13}{counter:>9}  {seconds:6.1f} s")
                self._last_line = now

    def on_event(self, event: Any) -> None:
        """The callback for dbt's events; other events than a node's start and end pass by."""
        handlers = {"NodeStart": self.started, "NodeFinished": self.finished}
        if handler := handlers.get(event.info.name):
            node = event.data.node_info
            handler(_layer_of(node.unique_id, node.node_path))


def run_dbt_build(
    environment: Mapping[str, str],
    work_dir: Path,
    say: Callable[[str], None],
    arguments: Sequence[str] = ("build", *WITHOUT_UNIT_TESTS),
) -> DbtOutcome:
    """Build the whole project and test its data, with these environment variables.

    `arguments` are the dbt command and what it selects. The unit tests are left out by default:
    they are about the models and not about the data. dbt's own files go to `work_dir`, so that
    two builds do not meet. The database is closed when this returns. Raises BuildError that
    lists what failed, a line each.
    """
    options = [
        "--project-dir",
        str(PROJECT_DIR),
        "--profiles-dir",
        str(PROJECT_DIR / "profiles"),
        "--target-path",
        str(work_dir / "target"),
        "--log-path",
        str(work_dir / "logs"),
        "--log-level",
        "none",
        "--log-level-file",
        "info",
    ]
    with _environment(environment):
        try:
            parsed = dbtRunner().invoke(["parse", "--no-write-json", *options])
            if not parsed.success:
                raise BuildError("dbt cannot read the project", [str(parsed.exception)])
            manifest: Manifest = parsed.result
            progress = LayerProgress(layer_totals(manifest), say)
            built = dbtRunner(manifest, callbacks=[progress.on_event]).invoke(
                [*arguments, *options]
            )
        finally:
            DuckDBConnectionManager.close_all_connections()
    if built.exception:
        raise BuildError("dbt stopped", [str(built.exception)])
    results = built.result.results
    failures = [_finding(result) for result in results if result.status in _FAILED]
    if failures:
        skipped = sum(result.status == "skipped" for result in results)
        headline = (
            f"{len(failures)} of {len(results)} steps failed, {skipped} were skipped; "
            f"the log is {work_dir / 'logs' / 'dbt.log'}"
        )
        raise BuildError(headline, failures)
    warnings = tuple(_finding(result) for result in results if result.status == "warn")
    return DbtOutcome(len(results), warnings)


def layer_totals(manifest: Manifest) -> Counter[str]:
    """How many nodes each layer has, unit tests apart."""
    nodes = (node for node in manifest.nodes.values() if node.resource_type != "operation")
    return Counter(_layer_of(node.unique_id, node.path) for node in nodes)


def _layer_of(unique_id: str, path: str) -> str:
    """seeds, staging, intermediate, marts, or tests."""
    resource_type = unique_id.partition(".")[0]
    if resource_type == "model":
        return Path(path).parts[0]
    return "seeds" if resource_type == "seed" else "tests"


def _finding(result: Any) -> str:
    message = " ".join((result.message or "no message").split())
    return f"{result.node.name}: {message[:_MESSAGE_LENGTH]}"


@contextmanager
def _environment(variables: Mapping[str, str]) -> Iterator[None]:
    before = dict(os.environ)
    os.environ.update(variables)
    # a log that finds no room on the disk would print a traceback per line; the build says it once
    complains, logging.raiseExceptions = logging.raiseExceptions, False
    try:
        yield
    finally:
        logging.raiseExceptions = complains
        os.environ.clear()
        os.environ.update(before)
