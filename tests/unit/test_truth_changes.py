"""The decompositions of the truth: exact for all inputs, and right where one can tell by hand."""

from __future__ import annotations

import datetime as dt
import math
from fractions import Fraction

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from kpi_warehouse.truth.changes import (
    PREVIOUS_PERIOD,
    PREVIOUS_YEAR,
    Cell,
    amount_effects,
    earlier_period,
    path_mean,
    rate_effects,
    shapley,
)

# a loaded machine is no failure, and the same inputs come again
EXAMPLES = settings(deadline=None, derandomize=True)

NAMES = ("webinar", "referral", "partner", "sns")


def cell(results: int, cases: int) -> Cell[Fraction]:
    return Cell(Fraction(results), Fraction(cases))


# cases may be zero, and results there may be as well or not; a ratio may exceed 1
CELLS = st.builds(cell, st.integers(0, 12), st.integers(0, 6))
PERIODS = st.lists(st.tuples(CELLS, CELLS), min_size=1, max_size=4).map(
    lambda pairs: tuple(
        {name: pair[side] for name, pair in zip(NAMES, pairs, strict=False)} for side in (0, 1)
    )
)
STAGES = st.lists(
    st.tuples(st.sampled_from([0, 1, 2, 7, 50]), st.sampled_from([0, 1, 3, 7, 40])),
    min_size=2,
    max_size=6,
).map(lambda pairs: tuple([float(pair[side]) for pair in pairs] for side in (0, 1)))
FULL_STAGES = st.lists(
    st.tuples(st.floats(1e-3, 1e9), st.floats(1e-3, 1e9)), min_size=2, max_size=6
).map(lambda pairs: tuple([pair[side] for pair in pairs] for side in (0, 1)))


def total_rate(period: dict[str, Cell[Fraction]]) -> Fraction | None:
    cases = sum(one.cases for one in period.values())
    return sum(one.results for one in period.values()) / cases if cases else None


@EXAMPLES
@given(PERIODS)
def test_effects_add_up_to_the_change_of_the_rate(periods) -> None:
    """To the last digit, in exact arithmetic, for every channel that comes, goes or stays."""
    before, now = periods
    effects = rate_effects(before, now)
    old, new = total_rate(before), total_rate(now)
    if old is None or new is None:
        assert effects is None
        return
    assert effects is not None
    assert new - old == sum(
        effect.mix + effect.performance + effect.unmatched for effect in effects.values()
    )


@EXAMPLES
@given(PERIODS)
def test_there_and_back_cancel(periods) -> None:
    before, now = periods
    forth, back = rate_effects(before, now), rate_effects(now, before)
    assume(forth is not None and back is not None)
    for name, effect in forth.items():
        assert effect.mix == -back[name].mix
        assert effect.performance == -back[name].performance
        assert effect.unmatched == -back[name].unmatched


@EXAMPLES
@given(PERIODS)
def test_equal_rates_are_all_mix_and_equal_shares_all_performance(periods) -> None:
    before, now = periods
    effects = rate_effects(before, now)
    assume(effects is not None)
    cases = [sum(one.cases for one in period.values()) for period in periods]
    for name, effect in effects.items():
        old, new = before[name], now[name]
        if not (old.cases and new.cases) or old.results / old.cases == new.results / new.cases:
            assert effect.performance == 0
        if old.cases / cases[0] == new.cases / cases[1]:
            assert effect.mix == 0
        if old.cases and new.cases:
            assert effect.unmatched == 0


@EXAMPLES
@given(PERIODS)
def test_kitagawas_formula_is_the_shapley_value(periods) -> None:
    """The published formula: difference of the one, times mean of the other."""
    before, now = periods
    effects = rate_effects(before, now)
    assume(effects is not None)
    mean_rate = (total_rate(before) + total_rate(now)) / 2
    cases = [sum(one.cases for one in period.values()) for period in periods]
    for name, effect in effects.items():
        old, new = before[name], now[name]
        if old.cases and new.cases:
            shares = old.cases / cases[0], new.cases / cases[1]
            rates = old.results / old.cases, new.results / new.cases
            assert effect.performance == (rates[1] - rates[0]) * sum(shares) / 2
            assert effect.mix == (shares[1] - shares[0]) * (sum(rates) / 2 - mean_rate)


def test_simpsons_paradox() -> None:
    """Both channels better, the total worse."""
    effects = rate_effects(
        {"referral": cell(48, 64), "paid_ads": cell(8, 64)},
        {"referral": cell(14, 16), "paid_ads": cell(28, 112)},
    )
    assert effects is not None
    assert sum(effect.performance for effect in effects.values()) == Fraction(1, 8)
    assert sum(effect.mix for effect in effects.values()) == Fraction(-15, 64)


def test_shapley_of_three() -> None:
    """A product: 1 × 1 × 1 to 2 × 2 × 2 is 7, a third each; what does not change adds nothing."""
    ones, twos = [Fraction(1)] * 3, [Fraction(2)] * 3
    assert shapley(lambda a, b, c: a * b * c, ones, twos) == [Fraction(7, 3)] * 3
    assert shapley(lambda a, b: a * b, (1.0, 5.0), (3.0, 5.0)) == [10.0, 0.0]


@EXAMPLES
@given(STAGES)
def test_factors_add_up_to_the_change_of_the_amount(stages) -> None:
    """Whatever stage is zero on whatever side."""
    before, now = stages
    effects, unexplained = amount_effects(before, now)
    explained = math.fsum(effect for effect in effects if effect is not None)
    change = now[-1] - before[-1]
    assert math.isclose(explained + unexplained, change, rel_tol=1e-12, abs_tol=1e-9)
    if None not in effects:
        assert unexplained == 0


@EXAMPLES
@given(STAGES)
def test_amounts_there_and_back_cancel(stages) -> None:
    before, now = stages
    forth, back = amount_effects(before, now), amount_effects(now, before)
    for one, other in zip([*forth[0], forth[1]], [*back[0], back[1]], strict=True):
        assert (one is None) == (other is None)
        if one is not None:
            assert math.isclose(one, -other, rel_tol=1e-9, abs_tol=1e-9)


@EXAMPLES
@given(FULL_STAGES)
def test_full_chains_leave_nothing_unexplained(stages) -> None:
    """LMDI-I: the logarithmic mean of both amounts times the logarithm of each factor's growth."""
    before, now = stages
    effects, unexplained = amount_effects(before, now)
    assert unexplained == 0
    assume(abs(now[-1] / before[-1] - 1) > 1e-3)
    weight = (now[-1] - before[-1]) / math.log(now[-1] / before[-1])
    scale = max(now[-1], before[-1])
    for stage, effect in enumerate(effects):
        growth = now[stage] / before[stage]
        if stage:
            growth /= now[stage - 1] / before[stage - 1]
        assert math.isclose(effect, weight * math.log(growth), rel_tol=1e-9, abs_tol=1e-9 * scale)


@EXAMPLES
@given(st.integers(0, 4), st.lists(st.floats(0.5, 2), min_size=5, max_size=5))
def test_nothing_won_is_the_limit_of_little_won(stage: int, growths: list[float]) -> None:
    """Ang and Liu 2007: a stage that goes to zero takes the whole change with it."""
    now = [100.0, 50.0, 20.0, 5.0, 1e6]
    little = 1e-30
    before = [
        value / growth * (little if number >= stage else 1)
        for number, (value, growth) in enumerate(zip(now, growths, strict=True))
    ]
    nothing = [value if number < stage else 0.0 for number, value in enumerate(before)]
    close, _ = amount_effects(before, now)
    exact, unexplained = amount_effects(nothing, now)
    assert exact == [1e6 if number == stage else 0.0 for number in range(5)]
    assert unexplained == 0
    # the logarithm of the zero outweighs the others' only slowly
    bound = 1e6 * 3 * math.log(4) / -math.log(little)
    for one, other in zip(close, exact, strict=True):
        assert abs(one - other) <= bound


@pytest.mark.parametrize(
    ("before", "now", "effects", "unexplained"),
    [
        # no meeting in between: only volume and deal size can be told apart
        ([10, 2, 1, 100], [10, 0, 2, 400], [0.0, None, None, 150.0], 150.0),
        # the chain broke off, went on, and broke off again
        ([10, 0, 1, 0, 0], [10, 5, 0, 1, 80], [0.0, 80.0, 0.0, 0.0, 0.0], 0.0),
        # nothing can be said below zero
        ([10, 1, -20], [10, 1, 80], [None, None, None], 100),
        ([10, 1, 0], [20, 0, 0], [0.0, 0.0, 0.0], 0.0),
    ],
)
def test_zeros_of_the_amount(before, now, effects, unexplained) -> None:
    found, rest = amount_effects(before, now)
    assert found == pytest.approx(effects)
    assert rest == pytest.approx(unexplained)


def test_path_mean() -> None:
    assert path_mean(1.0, math.e) == pytest.approx(math.e - 1, rel=1e-14)
    assert path_mean(5.0, 5.0) == pytest.approx(5.0, rel=1e-14)
    assert path_mean(1.0, 1e9) == pytest.approx((1e9 - 1) / math.log(1e9), rel=1e-12)


@pytest.mark.parametrize(
    ("start", "grain", "comparison", "earlier"),
    [
        (dt.date(2026, 4, 1), "month", PREVIOUS_PERIOD, dt.date(2026, 3, 1)),
        (dt.date(2026, 4, 1), "fiscal_year", PREVIOUS_PERIOD, dt.date(2025, 4, 1)),
        (dt.date(2026, 4, 1), "fiscal_year", PREVIOUS_YEAR, dt.date(2025, 4, 1)),
        (dt.date(2026, 4, 1), "half", PREVIOUS_PERIOD, dt.date(2025, 10, 1)),
        (dt.date(2028, 3, 1), "month", PREVIOUS_PERIOD, dt.date(2028, 2, 1)),
        (dt.date(2028, 2, 1), "month", PREVIOUS_YEAR, dt.date(2027, 2, 1)),
        (dt.date(2026, 1, 5), "week", PREVIOUS_YEAR, dt.date(2025, 1, 6)),
    ],
)
def test_earlier_period(start: dt.date, grain: str, comparison: str, earlier: dt.date) -> None:
    assert earlier_period(start, grain, comparison) == earlier
