"""The environment of `make env` and `make env-quality`, with installers that only take notes."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from kpi_warehouse.settings import PROJECT_DIR

MAKE = shutil.which("make")
LOCKS = ("requirements.lock", "requirements-quality.lock")


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
    assert environment.make("env") == ["requirements.lock"]
    assert environment.make("env") == []


def test_targets_do_not_take_turns_in_installing(environment: Environment) -> None:
    assert environment.make("env") == ["requirements.lock"]
    assert environment.make("env-quality") == ["requirements-quality.lock"]
    assert environment.make("env") == []
    assert environment.make("env-quality") == []


def test_a_changed_lock_keeps_the_group_installed(environment: Environment) -> None:
    environment.make("env-quality")
    for lock in LOCKS:
        environment.change(lock)
    assert environment.make("env") == ["requirements-quality.lock"]
    assert environment.make("env-quality") == []


def test_the_larger_lock_holds_the_smaller_one() -> None:
    small, large = (_pins((PROJECT_DIR / name).read_text("utf-8")) for name in LOCKS)
    assert len(small) > 50
    assert small < large
    assert {name for name, _ in large - small} >= {"great-expectations", "pandas"}


@pytest.mark.parametrize("lock", LOCKS)
def test_locks_hold_hashes_and_no_addresses(lock: str) -> None:
    text = (PROJECT_DIR / lock).read_text("utf-8")
    assert text.count("--hash=sha256:") > len(_pins(text))
    assert "://" not in text


def _pins(lock: str) -> set[tuple[str, str]]:
    return set(re.findall(r"^([a-z0-9.-]+(?:\[.*?\])?)==(\S+)", lock, re.MULTILINE))
