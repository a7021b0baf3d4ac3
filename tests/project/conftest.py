"""The project as dbt compiles it, once for all tests about it."""

from __future__ import annotations

from pathlib import Path

import pytest
from registry_files import Files

from kpi_warehouse.project_checks import Project

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """This project, compiled into a folder of its own."""
    return Project.compile(ROOT, tmp_path_factory.mktemp("dbt"))


@pytest.fixture
def files(tmp_path: Path) -> Files:
    """A copy of the registry and its lock."""
    return Files(tmp_path)
