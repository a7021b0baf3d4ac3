"""Publishing under what goes wrong: readers at work, kills at any moment, no room, no right."""

from __future__ import annotations

import os

from kpi_warehouse.settings import PROJECT_DIR


def child_environment() -> dict[str, str]:
    """The environment of processes that run modules of this package."""
    return {**os.environ, "PYTHONPATH": str(PROJECT_DIR / "scripts")}
