"""Goals worked back, on chains that one can check by hand and on any chains at all."""

from __future__ import annotations

import math
from fractions import Fraction

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from kpi_warehouse.semantic_layer.definitions import published_definitions
from kpi_warehouse.settings import PROJECT_DIR
from kpi_warehouse.truth.goals import Rate, forward, path_to, read_tree, shares, work_back
from kpi_warehouse.yaml_file import read_yaml

# a loaded machine is no failure, and the same inputs come again
EXAMPLES = settings(deadline=None, derandomize=True)
REGISTRY = PROJECT_DIR / "seeds" / "registry"

GOALS = st.fractions(0, 10**9, max_denominator=100)
RATES = st.builds(
    Rate,
    st.integers(0, 400).map(Fraction),
    st.integers(0, 300).map(Fraction),
    st.sampled_from(["proportion", "ratio", "amount"]),
)
CHAINS = st.lists(RATES, max_size=6)


def chain(*rates: str) -> list[Rate]:
    return [
        Rate(Fraction(Fraction(rate).numerator), Fraction(Fraction(rate).denominator))
        for rate in rates
    ]


@pytest.mark.parametrize(
    ("goal", "rates", "required"),
    [
        (50_000_000, ("2000000", "0.3", "0.8", "0.2"), [25, 84, 105, 525]),
        (28_000_000, ("2000000", "0.4", "0.5", "0.35", "0.1"), [14, 35, 70, 200, 2_000]),
        (5, ("1", "1/3", "1/7"), [5, 15, 105]),
        (21, ("0.35",), [60]),
    ],
)
def test_worked_examples(goal: int, rates: tuple[str, ...], required: list[int]) -> None:
    """The handbook's, rounded up at each stage; ceil(21 / 0.35) is 61 in floating point."""
    found = work_back(Fraction(goal), chain(*rates), each=True)
    assert [one.required for one in found] == [goal, *required]


def test_worked_example_per_rep() -> None:
    found = work_back(Fraction(50_000_000), chain("2000000", "0.3", "0.8", "0.2"), each=True)
    orders, quotes, hearings, first_meetings = (one.required for one in found[1:])
    assert orders == 25
    assert found[2].exact == Fraction(250, 3)
    assert quotes / (8 * 4) == Fraction("2.625")
    assert (quotes + hearings + first_meetings) / (8 * 20) == Fraction("4.4625")


@EXAMPLES
@given(GOALS, CHAINS, st.booleans())
def test_required_is_never_negative_nor_infinite(goal, rates, each) -> None:
    """Below a stage without a rate there is nothing, above it there is."""
    found = work_back(goal, rates, each)
    assert len(found) == len(rates) + 1
    broken = next((number for number, rate in enumerate(rates) if rate.reason), len(rates))
    for number, one in enumerate(found):
        if number > broken:
            assert one.required is one.exact is one.low is one.high is None
            assert one.broken_at == broken
        else:
            assert 0 <= one.low <= one.required <= one.high < math.inf
            assert one.required >= one.exact >= 0


@EXAMPLES
@given(GOALS, GOALS, CHAINS, st.booleans())
def test_required_grows_with_the_goal(goal, other, rates, each) -> None:
    small, large = sorted((goal, other))
    for one, more in zip(work_back(small, rates, each), work_back(large, rates, each), strict=True):
        assert one.required is more.required is None or one.required <= more.required


@EXAMPLES
@given(GOALS, CHAINS, st.integers(0, 5), st.fractions(1, 50), st.booleans())
def test_required_falls_with_every_rate(goal, rates, stage, factor, each) -> None:
    """A better rate never asks for more, and asks for no other of the stages above it."""
    assume(stage < len(rates) and not any(rate.reason for rate in rates))
    better = [*rates]
    better[stage] = Rate(rates[stage].results * factor, rates[stage].cases, "ratio")
    before, after = work_back(goal, rates, each), work_back(goal, better, each)
    for number, (one, less) in enumerate(zip(before, after, strict=True)):
        assert less.required <= one.required
        if number <= stage:
            assert less.required == one.required


@EXAMPLES
@given(GOALS, CHAINS)
def test_forward_returns_the_goal_within_rounding(goal, rates) -> None:
    """Rounded at the end: the whole number reaches the goal, and one less does not."""
    assume(not any(rate.reason for rate in rates))
    found = work_back(goal, rates)
    for number, one in enumerate(found):
        above = rates[:number]
        assert forward(one.exact, above) == goal
        assert forward(one.required, above) >= goal
        if number and one.required > 0:
            assert forward(one.required - 1, above) < goal


@EXAMPLES
@given(GOALS, CHAINS)
def test_rounding_at_each_stage_asks_for_less_than_one_more_per_stage(goal, rates) -> None:
    """Each ceiling adds less than one case, which the stages below it multiply."""
    assume(not any(rate.reason for rate in rates))
    for number, (end, each) in enumerate(
        zip(work_back(goal, rates), work_back(goal, rates, each=True), strict=True)
    ):
        assert end.required <= each.required
        excess = sum(
            (1 / forward(Fraction(1), rates[stage:number]) for stage in range(1, number + 1)),
            Fraction(0),
        )
        assert each.required - end.exact <= excess


@EXAMPLES
@given(st.integers(1, 200), st.integers(1, 200), st.integers(2, 50))
def test_intervals_narrow_with_the_cases(results, cases, factor) -> None:
    for kind in ("proportion", "ratio", "amount"):
        few = Rate(Fraction(results), Fraction(cases), kind)
        many = Rate(Fraction(results * factor), Fraction(cases * factor), kind)
        assert few.limits[0] <= many.limits[0] <= few.value * (1 + Fraction(1, 10**9))
        assert few.value <= many.limits[1] * (1 + 1e-9) <= few.limits[1] * (1 + 2e-9)


def test_one_stage_has_the_interval_of_its_rate() -> None:
    """MOVER of a single factor is the factor's own limits, turned around."""
    rate = Rate(Fraction(20), Fraction(100))
    (_, one) = work_back(Fraction(1_000), [rate])
    low, high = rate.limits
    assert (one.low, one.high) == (math.ceil(1_000 / high), math.ceil(1_000 / low))
    assert low < 0.2 < high


def test_a_stated_rate_has_no_interval() -> None:
    stated = Rate(Fraction(2_000_000), Fraction(1), "amount", is_stated=True)
    (_, one) = work_back(Fraction(34_140_000), [stated])
    assert (one.low, one.required, one.high) == (18, 18, 18)


@EXAMPLES
@given(
    GOALS,
    st.dictionaries(st.text("abc", min_size=1, max_size=3), st.fractions(-5, 10**6), max_size=8),
)
def test_shares_add_up_to_the_goal(goal, won) -> None:
    parts = shares(goal, won)
    assert set(parts) == {channel for channel, amount in won.items() if amount > 0}
    assert all(part >= 0 for part in parts.values())
    if parts:
        assert sum(parts.values()) == goal
        total = sum(won[channel] for channel in parts)
        for channel, part in parts.items():
            assert abs(part - goal * won[channel] / total) <= 1


def test_the_tree_has_one_goal_and_reaches_all_nodes() -> None:
    """As deep as dbt's variable allows; what a chain cannot reach would have no requirement."""
    tree = read_tree(REGISTRY / "kgi_tree.csv")
    depth = read_yaml(PROJECT_DIR / "dbt_project.yml")["vars"]["tree_depth"]
    goal = [node.node for node in tree if node.kpi_id and not node.parent]
    assert len(goal) == 1
    assert [node.kpi_id for node in tree if not node.kpi_id] == [""]
    for node in tree:
        if node.kpi_id:
            path = path_to(tree, node)
            assert path[0].node == goal[0]
            assert len(path) - 1 <= depth
            assert (node.rate_kind == "amount") == (len(path) == 2)
    assert any(node.is_daily_work for node in tree)


def test_rates_of_the_tree_are_named_by_the_kpis_that_they_are() -> None:
    """Both ways: a name that is no such rate, and a rate that has a name and does not say it."""
    kpis = published_definitions(REGISTRY)
    tree = read_tree(REGISTRY / "kgi_tree.csv")
    by_id = {node.node: node for node in tree}
    named = {}
    for node in tree:
        if node.parent:
            sides = tuple(
                kpis[one.kpi_id]["numerator_measure_id"] for one in (by_id[node.parent], node)
            )
            named[node.node] = {
                kpi_id
                for kpi_id, row in kpis.items()
                if (row["numerator_measure_id"], row["denominator_measure_id"]) == sides
            }
    for node in tree:
        assert {node.rate_kpi_id} == named.get(node.node, set()) or (
            not node.rate_kpi_id and not named.get(node.node)
        ), node.node
