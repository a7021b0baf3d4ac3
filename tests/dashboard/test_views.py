"""Which part of the marts an address asks for."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from itertools import pairwise

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kpi_warehouse.dashboard.view import BASES, GRAINS, Choices, View, from_query


def test_without_an_address_it_is_the_last_month_that_is_over(
    view_of: Callable[..., View], as_of: date
) -> None:
    view = view_of()
    assert view.language == "ja"
    assert view.period.end == as_of == date(2026, 9, 30)
    assert view.period.is_complete
    assert (view.since.start, view.channel, view.team) == (date(2025, 9, 1), "all", "all")
    assert (view.basis, view.kpi) == ("event", "meetings")


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_an_address_gives_the_view_that_wrote_it(choices: Choices, data: st.DataObject) -> None:
    grain = data.draw(st.sampled_from(sorted(choices.periods)))
    period = data.draw(st.sampled_from(choices.periods[grain]))
    earlier = [each for each in choices.periods[grain] if each.start <= period.start]
    view = View(
        language=data.draw(st.sampled_from(["ja", "en"])),
        period=period,
        since=data.draw(st.sampled_from(earlier)),
        channel=data.draw(st.sampled_from(["all", *choices.channels])),
        team=data.draw(st.sampled_from(["all", *choices.teams])),
        basis=data.draw(st.sampled_from(sorted(BASES))),
        kpi=data.draw(st.sampled_from(sorted(choices.kpis))),
        stage=data.draw(st.sampled_from(sorted(choices.stages))),
    )
    assert from_query(view.to_query(), choices) == view


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    query=st.dictionaries(
        st.sampled_from(["lang", "grain", "period", "from", "channel", "team", "basis", "kpi"]),
        st.one_of(st.text(max_size=12), st.dates().map(str), st.sampled_from(sorted(GRAINS))),
    )
)
def test_no_address_is_an_error(choices: Choices, query: dict[str, str]) -> None:
    view = from_query(query, choices)
    assert view.period in choices.periods[view.grain]
    assert view.since.start <= view.period.start
    assert view.kpi in choices.kpis


@pytest.mark.parametrize(
    ("grain", "start", "end"),
    [
        ("day", date(2026, 8, 31), date(2026, 8, 31)),
        # the week of August's last day is over only in September
        ("week", date(2026, 8, 24), date(2026, 8, 30)),
        ("quarter", date(2026, 7, 1), date(2026, 9, 30)),
        ("half", date(2026, 4, 1), date(2026, 9, 30)),
        ("fiscal_year", date(2026, 4, 1), date(2027, 3, 31)),
    ],
)
def test_another_grain_stays_where_it_was(
    choices: Choices, view_of: Callable[..., View], grain: str, start: date, end: date
) -> None:
    august = view_of(period="2026-08-01")
    period = august.of_grain(choices, grain).period
    assert (period.start, period.end) == (start, end)
    assert period.is_complete == (end <= choices.as_of)


def test_periods_follow_each_other_without_gaps(choices: Choices) -> None:
    assert set(choices.periods) == set(GRAINS)
    for periods in choices.periods.values():
        for one, next_ in pairwise(periods):
            assert next_.start == one.end + timedelta(days=1)
