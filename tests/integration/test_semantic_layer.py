"""MetricFlow, which counts over the facts, against the marts, which add up measures."""

from __future__ import annotations

import dataclasses

import polars as pl
import pytest

from integration.conftest import BuiltWorld
from integration.semantic_answers import CUTS, Comparison, Cut, comparisons, kpis_in_force
from kpi_warehouse.semantic_layer.definitions import has, published_definitions
from kpi_warehouse.semantic_layer.engine import semantic_layer
from kpi_warehouse.settings import PROJECT_DIR

# cells in which something was counted; fewer would prove little
MINIMUM_CELLS = 20_000


@pytest.fixture(scope="module")
def compared(sample: BuiltWorld) -> dict[Cut, Comparison]:
    """Both sides of every cut of the sample."""
    return comparisons(
        sample.warehouse,
        sample.environment(),
        sample.folder / "dbt",
        kpis_in_force(sample.log.as_of_date),
    )


@pytest.mark.parametrize("cut", CUTS, ids=str)
def test_metricflow_equals_the_marts(compared: dict[Cut, Comparison], cut: Cut) -> None:
    """Numerators and denominators to the last count and yen, values to 1e-12."""
    assert compared[cut].differences() == ""


def test_every_kpi_of_the_registry_is_compared(compared: dict[Cut, Comparison]) -> None:
    """In every cut it has, and where something was counted."""
    published = published_definitions(PROJECT_DIR / "seeds" / "registry")
    events = {name: row for name, row in published.items() if has(row, "has_event_basis")}
    for cut, comparison in compared.items():
        assert set(comparison.occurring["kpi_id"]) == set(cut.kpis(events))
    assert sum(comparison.occurring.height for comparison in compared.values()) > MINIMUM_CELLS


@pytest.mark.parametrize("kpi_id", ["calls_made", "win_rate", "won_amount"])
@pytest.mark.parametrize("cut", CUTS, ids=str)
def test_a_row_that_one_side_lacks_is_noticed(
    compared: dict[Cut, Comparison], cut: Cut, kpi_id: str
) -> None:
    comparison = compared[cut]
    lacking = comparison.occurring.filter(pl.col("kpi_id") == kpi_id).head(1).select(cut.keys)
    assert lacking.height == 1
    for side in ("published", "answered"):
        rest = getattr(comparison, side).join(lacking, on=cut.keys, how="anti")
        changed = dataclasses.replace(comparison, **{side: rest})
        assert f"1 differences: {kpi_id} 1" in changed.differences()


def test_metricflow_prints_nothing_and_leaves_no_file_in_the_project(
    sample: BuiltWorld, capfd: pytest.CaptureFixture[str]
) -> None:
    before = generated_files()
    with semantic_layer(sample.environment(), sample.folder / "dbt") as layer:
        answer = layer.query(["connection_rate"], ["channel__channel_class", "metric_time__week"])
    assert answer.columns == ["metric_time__week", "channel__channel_class", "connection_rate"]
    assert answer["metric_time__week"].dt.weekday().unique().to_list() == [1]
    assert answer["connection_rate"].is_between(0, 1).any()
    assert capfd.readouterr() == ("", "")
    assert sample.query("select 1") == [(1,)], "the warehouse is still open"
    assert generated_files() == before


def generated_files() -> dict[str, int]:
    """What stands where dbt and MetricFlow write by default, and when each was written."""
    folders = (PROJECT_DIR, PROJECT_DIR / "target", PROJECT_DIR / "logs")
    files = [path for folder in folders for path in folder.glob("*") if path.is_file()]
    return {str(path): path.stat().st_mtime_ns for path in files}
