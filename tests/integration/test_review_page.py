"""The monthly review of the sample: every number on it is that of the marts."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import pytest

from integration.conftest import BuiltWorld
from kpi_warehouse.review import MARKDOWN, PAGE, write_review
from kpi_warehouse.review.compose import compose
from kpi_warehouse.review.content import ALL, KEPT_MONTHS, Review, month_of, read_review
from kpi_warehouse.review.document import Document, Table
from kpi_warehouse.review.history import FILE
from kpi_warehouse.review.numbers import figure
from kpi_warehouse.truth.bottlenecks import CHAIN


@pytest.fixture(scope="module")
def review(sample: BuiltWorld) -> Review:
    with sample.connect() as connection:
        as_of = sample.log.as_of_date
        return read_review(connection, month_of(f"{as_of:%Y-%m}"), as_of, 6)


@pytest.fixture(scope="module")
def document(review: Review) -> Document:
    return compose(review, "ja", (), None)


def tables(document: Document, section_id: str) -> list[Table]:
    (section,) = [each for each in document.sections if each.section_id == section_id]
    return list(section.tables)


def test_the_funnel_shows_the_values_and_targets_of_the_marts(document, review, sample):
    (funnel,) = tables(document, "funnel")
    assert review.steps == CHAIN
    values = dict(
        sample.query(
            "select kpi_id, value from marts.kpi_by_period where basis = 'event' "
            f"and period_grain = 'month' and period_start = date '{review.month.first_day}'"
        )
    )
    for kpi_id, row in zip(CHAIN, funnel.rows, strict=True):
        kpi = review.kpis[kpi_id]
        assert row[0].text == kpi.name.ja
        assert row[1].text == figure(values[kpi_id], kpi.unit, "ja"), kpi_id
        targets = sample.query(
            "select target from marts.kpi_attainment where channel_id = 'all' "
            f"and kpi_id = '{kpi_id}' and department = '{kpi.owner_department}' "
            f"and month = date '{review.month.first_day}'"
        )
        if targets:
            assert row[2].text == figure(targets[0][0], kpi.unit, "ja"), kpi_id
    assert sum(row[2].text != "–" for row in funnel.rows) >= 4


def test_the_bottleneck_is_that_of_the_mart(document, review, sample):
    ((name, deals, amount),) = sample.query(
        "select name_ja, deals_lost, amount_lost_jpy from marts.funnel_bottlenecks "
        f"where is_bottleneck and channel_id = 'all' and month = date '{review.month.first_day}'"
    )
    (found,) = tables(document, "bottleneck")
    ((head, *cells),) = [row for row in found.rows if row[0].mark == "strong"]
    assert head.text == f"◆ {name}"
    assert [cells[3].text, cells[4].text] == [
        figure(deals, "deals", "ja"),
        figure(amount, "jpy", "ja"),
    ]


def test_every_judged_target_is_counted_and_every_flagged_one_listed(document, review, sample):
    counts = dict(
        sample.query(
            "select coalesce(status, 'none'), count(*) from marts.kpi_attainment "
            f"where month = date '{review.month.first_day}' group by all"
        )
    )
    assert sum(counts.values()) == len(review.attainments) > 5
    found = tables(document, "targets")
    flagged = counts.get("review", 0)
    behind = counts.get("behind", 0)
    assert sum(len(table.rows) for table in found) == flagged + behind > 0


def test_goals_and_conflicts_are_those_of_the_marts(document, review, sample):
    month = f"month = date '{review.month.first_day}'"
    for mart, shown in (
        ("kgi_kpi_tree", review.nodes),
        ("kgi_levers", review.levers),
        ("target_conflicts", review.conflicts),
    ):
        ((count,),) = sample.query(f"select count(*) from marts.{mart} where {month}")
        assert count == len(shown), mart
    assert review.goal is not None
    facts = dict(document.facts)
    assert facts["目標(KGI)"].text == figure(review.goal.required, "jpy", "ja")
    assert len(tables(document, "goals")[0].rows) == sum(
        node.channel_id == ALL for node in review.nodes
    )


def test_no_team_of_the_sample_is_new(review):
    """Each has reps who were there before the records."""
    assert len(review.teams) >= 2
    assert not any(team.is_new for team in review.teams)


def test_two_reviews_in_a_row_find_no_restatement(sample, tmp_path: Path):
    """Of the month before, then of the last one, from the same warehouse."""
    as_of = sample.log.as_of_date
    last = as_of.replace(day=1)
    before = (last - timedelta(days=1)).replace(day=1)
    write_review(sample.warehouse, as_of, tmp_path, f"{before:%Y-%m}")
    paths = write_review(sample.warehouse, as_of, tmp_path, f"{last:%Y-%m}", "en")
    assert [path.name for path in paths] == [PAGE, MARKDOWN, FILE]
    content = json.loads(paths[2].read_text("utf-8"))
    assert content["compared_with"]["month"] == f"{before:%Y-%m}"
    assert content["restatements"] == []
    assert len({each["month"] for each in content["values"]}) == KEPT_MONTHS + 1
    assert "No past value has changed" in paths[1].read_text("utf-8")
