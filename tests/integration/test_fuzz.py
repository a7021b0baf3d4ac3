"""A sample of `make fuzz`: damaged files through landing one by one, and through a whole build."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from kpi_warehouse.fuzz.build_run import BuildTrial
from kpi_warehouse.fuzz.cases import make_case
from kpi_warehouse.fuzz.corpus import read_sources
from kpi_warehouse.fuzz.landing_run import run_cases
from kpi_warehouse.pipeline import STAGING_DIR

SEED = 20260930
LANDED_ONE_BY_ONE = 60
IN_ONE_BUILD = 60


def test_damaged_files_land_or_are_refused_and_no_row_is_lost(tmp_path: Path) -> None:
    outcomes = list(run_cases(tmp_path, SEED, range(LANDED_ONE_BY_ONE)))
    assert {each.number: each.problems for each in outcomes if each.problems} == {}
    fates = Counter(each.fate.partition(":")[0] for each in outcomes)
    assert fates.total() == LANDED_ONE_BY_ONE
    # both happen, or the files are no test
    assert fates["landed"] > LANDED_ONE_BY_ONE / 3
    assert fates["refused"] > 5


@pytest.fixture(scope="module")
def trial(tmp_path_factory: pytest.TempPathFactory) -> BuildTrial:
    """The clean world and its warehouse."""
    return BuildTrial(tmp_path_factory.mktemp("fuzz") / "build")


def test_a_build_beside_damaged_files_keeps_every_clean_fact(trial: BuildTrial) -> None:
    sources = read_sources(STAGING_DIR)
    cases = [make_case(sources, SEED, number) for number in range(IN_ONE_BUILD)]
    assert trial.run(cases) == []
