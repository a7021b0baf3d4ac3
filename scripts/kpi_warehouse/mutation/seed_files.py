"""The seeds as files with one change in them, and the checks that read these files."""

from __future__ import annotations

import csv
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from kpi_warehouse.definitions import registry_problems
from kpi_warehouse.definitions.command import lock_problems
from kpi_warehouse.definitions.compilation import compiled_manifest
from kpi_warehouse.mutation.seed_rules import SeedChange
from kpi_warehouse.mutation.unit_tests import DBT
from kpi_warehouse.settings import PROJECT_DIR

# the tests of the seeds' content; they read the seeds of the project that they stand in
_SEED_TESTS = Path("tests", "project", "test_seeds.py")


class SeedFiles:
    """What the checks of the seeds' files say to a change.

    Args:
        folder: For copies of the seeds, and for dbt's files.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder

    def by_registry_rules(self, change: SeedChange | None) -> str | None:
        """The first rule of the registry that the change breaks."""
        with self._copy(change) as root:
            problems = registry_problems(root / "seeds" / "registry")
        return problems[0] if problems else None

    def by_seed_tests(self, change: SeedChange | None) -> str | None:
        """The first test of the seeds' content that fails."""
        with self._copy(change) as root:
            options = ["-x", "-q", "--no-header", "-p", "no:cacheprovider", "-c", os.devnull]
            run = subprocess.run(
                [sys.executable, "-m", "pytest", *options, "--rootdir", str(root), _SEED_TESTS],
                cwd=root,
                env=os.environ | {"PYTHONPATH": str(PROJECT_DIR / "scripts")},
                capture_output=True,
                text=True,
                check=False,
            )
        if run.returncode == 0:
            return None
        failed = [line for line in run.stdout.splitlines() if line.startswith("FAILED")]
        if not failed:
            raise RuntimeError(f"the tests of the seeds cannot run: {run.stdout}{run.stderr}")
        return failed[0].split("::")[1].split(" - ")[0]

    def by_lock(self, change: SeedChange | None) -> str | None:
        """What differs from what was locked when it was agreed."""
        manifest = self._manifest()
        with self._copy(change) as root:
            problems = lock_problems(root, manifest)
        return str(problems[0]) if problems else None

    def _manifest(self) -> dict[str, Any]:
        with DBT:
            return self._compiled

    @cached_property
    def _compiled(self) -> dict[str, Any]:
        return compiled_manifest(PROJECT_DIR, self._folder / "dbt")

    @contextmanager
    def _copy(self, change: SeedChange | None) -> Iterator[Path]:
        with TemporaryDirectory(dir=self._folder) as name:
            root = Path(name)
            shutil.copytree(PROJECT_DIR / "seeds", root / "seeds")
            shutil.copy(PROJECT_DIR / "dbt_project.yml", root)
            (root / _SEED_TESTS).parent.mkdir(parents=True)
            shutil.copy(PROJECT_DIR / _SEED_TESTS, root / _SEED_TESTS)
            if change is not None:
                _write_change(root / "seeds", change)
            yield root


def _write_change(seeds: Path, change: SeedChange) -> None:
    path = next(seeds.rglob(f"{change.seed}.csv"))
    with path.open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, rows[0])
        writer.writeheader()
        writer.writerows(change.apply(rows))
