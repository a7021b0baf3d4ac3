"""The bottlenecks of the funnel against the same from the world's log (decision 0036)."""

from __future__ import annotations

import datetime as dt
import math
from collections import defaultdict
from fractions import Fraction

import polars as pl
import pytest

from integration.conftest import BuiltWorld
from kpi_warehouse.semantic_layer.definitions import published_definitions
from kpi_warehouse.settings import PROJECT_DIR, project_variables
from kpi_warehouse.truth import bottlenecks
from kpi_warehouse.truth.agreements import events_as_agreed
from kpi_warehouse.truth.bottlenecks import CHAIN, Step
from kpi_warehouse.truth.kpis import CHANNEL, EVENT, values_by

ALL = "all"
# products and quotients of a few doubles
TOLERANCE = 1e-9
YEN = 0.011

Volumes = dict[str, dict[dt.date, dict[str, Fraction]]]


@pytest.fixture(scope="module")
def volumes(sample: BuiltWorld) -> Volumes:
    """The true counts and amounts of the chain by channel and month."""
    of_chain = [
        (tuple(kpi for kpi in kpis if kpi.kpi_id in CHAIN), events)
        for kpis, events in events_as_agreed(sample.log)
    ]
    found: Volumes = defaultdict(lambda: defaultdict(lambda: defaultdict(Fraction)))
    counted = values_by(of_chain, [CHANNEL], ["month"]).filter(basis=EVENT)
    columns = ["channel_id", "period_start", "kpi_id", "numerator"]
    for channel, month, kpi_id, quantity in counted.select(columns).iter_rows():
        found[channel][month][kpi_id] += Fraction(quantity)
        # every event is of one channel
        found[ALL][month][kpi_id] += Fraction(quantity)
    return found


@pytest.fixture(scope="module")
def targets(sample: BuiltWorld) -> dict[tuple[dt.date, str], dict[str, Fraction]]:
    """The targets in force by month and channel: the owner's, else the first department's."""
    owners = {
        kpi_id: row["owner_department"]
        for kpi_id, row in published_definitions(PROJECT_DIR / "seeds" / "registry").items()
    }
    departments = [
        row[0]
        for row in sample.query(
            "select department_id from seeds.kpi_departments order by sort_order"
        )
    ]
    stated = defaultdict(dict)
    for month, channel, kpi_id, department, value in sample.query(
        "select month, channel_id, kpi_id, department_id, sum(target_value) "
        "from intermediate.int_targets where is_in_force group by all"
    ):
        stated[month, channel, kpi_id][department] = Fraction(value)
    found = defaultdict(dict)
    for (month, channel, kpi_id), by_department in stated.items():
        order = [owners[kpi_id], *departments]
        found[month, channel][kpi_id] = by_department[min(by_department, key=order.index)]
    return found


def expected_steps(
    volumes: Volumes,
    targets: dict[tuple[dt.date, str], dict[str, Fraction]],
    channel: str,
    month: dt.date,
) -> list[Step]:
    """The steps of one month; the sample's months are all over."""
    months = sorted(volumes[ALL])
    place = months.index(month)
    history = months[max(0, place - bottlenecks.WINDOW_MONTHS) : place]
    by_channel = [
        its_targets[CHAIN[0]]
        for (day, member), its_targets in targets.items()
        if day == month and member != ALL and CHAIN[0] in its_targets
    ]
    top = sum(by_channel) if by_channel and channel == ALL else None
    return bottlenecks.steps(
        volumes[channel][month],
        targets.get((month, channel), {}),
        [volumes[channel][each] for each in history],
        top_target=top,
    )


def same(actual: float | None, expected: Fraction | None) -> bool:
    if actual is None or expected is None:
        return actual is None and expected is None
    return math.isclose(actual, expected, rel_tol=TOLERANCE, abs_tol=TOLERANCE)


def test_every_step_of_every_month_and_channel_costs_what_it_truly_does(
    sample, volumes, targets
) -> None:
    assert project_variables()["bottleneck_window_months"] == bottlenecks.WINDOW_MONTHS
    with sample.connect() as connection:
        rows = pl.from_arrow(
            connection.sql(
                "from marts.funnel_bottlenecks order by month, channel_id, sort_order"
            ).to_arrow_table()
        )
    channels = {ALL, *(row[0] for row in sample.query("select channel_id from marts.dim_channels"))}
    assert set(volumes) <= channels
    cells = rows.partition_by("month", "channel_id", as_dict=True)
    assert {month for month, _ in cells} == set(volumes[ALL])
    assert {channel for _, channel in cells} >= set(volumes)
    sources, bottleneck_steps = set(), set()
    for (month, channel), frame in cells.items():
        wanted = expected_steps(volumes, targets, channel, month)
        assert frame["step"].to_list() == list(CHAIN)
        named = frame.filter("is_bottleneck")["step"].to_list()
        worst = bottlenecks.bottleneck(wanted)
        assert named == ([worst] if worst else []), (month, channel)
        bottleneck_steps.update(named)
        for row, step in zip(frame.iter_rows(named=True), wanted, strict=True):
            where = (month, channel, step)
            assert row["target_source"] == step.source, where
            assert same(row["actual_value"], step.actual), where
            assert same(row["target_value"], step.target), where
            assert same(row["shortfall"], step.shortfall), where
            assert same(row["deals_lost"], step.deals_lost), where
            if step.amount_lost is None:
                assert row["amount_lost_jpy"] is None, where
            else:
                # rounded to hundredths
                slack = YEN + TOLERANCE * float(step.amount_lost)
                assert abs(Fraction(row["amount_lost_jpy"]) - step.amount_lost) <= slack, where
            is_known = step.deals_lost is not None and step.amount_lost is not None
            assert (row["reason"] is None) == is_known, where
            sources.add(step.source)
    assert sources == {None, "target", "target_counts", "target_rate", "history"}
    assert len(bottleneck_steps) > 3


def test_the_rate_of_a_step_is_that_of_the_registry(sample) -> None:
    """Seed bottleneck_steps names a rate where, and only where, a KPI has exactly that formula."""
    seed = dict(
        sample.query("select step, rate_kpi_id from seeds.bottleneck_steps where rate_kpi_id <> ''")
    )
    assert seed == bottlenecks.rate_kpis()
    assert len(seed) == 2
    steps = sample.query("select step from seeds.bottleneck_steps order by sort_order")
    assert [row[0] for row in steps] == list(CHAIN)
