"""Wilson's interval against published values and its own invariants."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kpi_warehouse.truth.intervals import wilson


@pytest.mark.parametrize(
    ("successes", "trials", "low", "high"),
    [
        # z²/(n + z²) is the limit opposite an edge
        (0, 10, 0.0, 0.2775327998628892),
        (10, 10, 0.7224672001371107, 1.0),
        # R. G. Newcombe, Statistics in Medicine 17 (1998), 857-872, table I, method 3
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
        (1, 1, 0.20654931437723745, 1.0),
    ],
)
def test_wilson__known_values(successes: int, trials: int, low: float, high: float) -> None:
    assert wilson(successes, trials) == pytest.approx((low, high), abs=5e-5)


def test_wilson__no_trials_is_no_interval() -> None:
    assert wilson(0, 0) is None


@pytest.mark.parametrize(("successes", "trials"), [(2, 1), (-1, 1)])
def test_wilson__refuses_what_is_no_proportion(successes: int, trials: int) -> None:
    with pytest.raises(ValueError, match="not a proportion"):
        wilson(successes, trials)


@given(trials=st.integers(1, 100_000), data=st.data())
def test_wilson__holds_the_share_and_stays_within_0_and_1(trials: int, data: st.DataObject) -> None:
    successes = data.draw(st.integers(0, trials))
    low, high = wilson(successes, trials) or (2.0, -1.0)
    assert 0 <= low <= successes / trials <= high <= 1
