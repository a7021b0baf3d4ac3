"""The project as dbt compiles it, once for all tests about it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from registry_files import Files

from kpi_warehouse.definitions.command import work_folder
from kpi_warehouse.project_checks import Project

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """This project, compiled into a folder of its own."""
    work = tmp_path_factory.mktemp("dbt")
    copy_what_dbt_parsed(work)
    return Project.compile(ROOT, work)


def copy_what_dbt_parsed(work: Path) -> None:
    """Spare dbt to parse again what it did for the checks before; it looks what has changed."""
    parsed = Path("target", "partial_parse.msgpack")
    if (work_folder(ROOT) / parsed).is_file():
        (work / parsed).parent.mkdir(parents=True)
        shutil.copyfile(work_folder(ROOT) / parsed, work / parsed)


@pytest.fixture
def files(tmp_path: Path) -> Files:
    """A copy of the registry and its lock."""
    return Files(tmp_path)
