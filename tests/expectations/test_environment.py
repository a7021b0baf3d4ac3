"""The environment of `make env` and its larger sets, with installers that only take notes."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from kpi_warehouse.settings import PROJECT_DIR

MAKE = shutil.which("make")
SMALL, QUALITY, POSTGRES, DASHBOARD = (
    "requirements.lock",
    "requirements-quality.lock",
    "requirements-postgres.lock",
    "requirements-dashboard.lock",
)
LOCKS = (SMALL, QUALITY, POSTGRES, DASHBOARD)


class Environment:
    """A project of a Makefile and its locks; what uv was asked to install is noted."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._notes = folder / "notes"
        for name in ("Makefile", *LOCKS):
            shutil.copy(PROJECT_DIR / name, folder / name)
        binaries = folder / ".venv" / "bin"
        binaries.mkdir(parents=True)
        for name, script in (("python", "exit 0"), ("uv", f'echo "$@" >> {self._notes}')):
            (binaries / name).write_text(f"#!/bin/sh\n{script}\n")
            (binaries / name).chmod(0o755)

    def make(self, target: str) -> list[str]:
        """The locks that were installed, in order."""
        self._notes.unlink(missing_ok=True)
        subprocess.run([MAKE, target], cwd=self.folder, check=True, capture_output=True)
        notes = self._notes.read_text() if self._notes.exists() else ""
        return re.findall(r"\S+\.lock", notes)

    def change(self, lock: str) -> None:
        path = self.folder / lock
        path.write_text(path.read_text("utf-8") + "# changed\n", "utf-8")


@pytest.fixture
def environment(tmp_path: Path) -> Environment:
    if MAKE is None:
        pytest.skip("make is not installed")
    return Environment(tmp_path)


def test_a_build_needs_the_small_lock_only(environment: Environment) -> None:
    assert environment.make("env") == [SMALL]
    assert environment.make("env") == []


def test_targets_do_not_take_turns_in_installing(environment: Environment) -> None:
    assert environment.make("env") == [SMALL]
    assert environment.make("env-postgres") == [SMALL, POSTGRES]
    assert environment.make("env-dashboard") == [SMALL, DASHBOARD, POSTGRES]
    assert environment.make("env-quality") == [SMALL, DASHBOARD, POSTGRES, QUALITY]
    for target in ("env", "env-postgres", "env-dashboard", "env-quality"):
        assert environment.make(target) == []


def test_a_changed_lock_keeps_the_group_installed(environment: Environment) -> None:
    environment.make("env-quality")
    for lock in LOCKS:
        environment.change(lock)
    assert environment.make("env") == [SMALL, QUALITY]
    assert environment.make("env-quality") == []


def test_the_largest_lock_holds_the_others_and_they_the_smallest() -> None:
    pins = {name: _pins((PROJECT_DIR / name).read_text("utf-8")) for name in LOCKS}
    assert len(pins[SMALL]) > 50
    for lock, package in ((POSTGRES, "psycopg"), (DASHBOARD, "streamlit")):
        assert pins[SMALL] < pins[lock] < pins[QUALITY]
        assert package in {name for name, _ in pins[lock] - pins[SMALL]}
    assert {name for name, _ in pins[QUALITY] - pins[SMALL]} >= {"great-expectations", "pandas"}


@pytest.mark.parametrize("lock", LOCKS)
def test_locks_hold_hashes_and_no_addresses(lock: str) -> None:
    text = (PROJECT_DIR / lock).read_text("utf-8")
    assert text.count("--hash=sha256:") > len(_pins(text))
    assert "://" not in text


def _pins(lock: str) -> set[tuple[str, str]]:
    return set(re.findall(r"^([a-z0-9.-]+(?:\[.*?\])?)==(\S+)", lock, re.MULTILINE))
