"""Why KPIs and the won amount changed, from the true KPI values by formulations of their own.

A rate's change is split by Shapley values: what a group of factors (shares, rates) adds, averaged
over the orders in which the groups can change. For two groups that is the symmetric decomposition
of Kitagawa (JASA 50, 1955). The amount's change is split along the path on which every stage grows
at a constant rate; what a factor adds is an integral over that path, which is additive LMDI-I
(Ang, Energy Policy 33, 2005).
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import pairwise, permutations
from math import factorial, log
from typing import Generic, TypeVar

import numpy as np
import polars as pl

from kpi_warehouse.truth.calendar import APRIL, period_bounds
from kpi_warehouse.truth.kpis import CHANNEL, KPIS, Kpi, Truth

# exact arithmetic (Fraction) and floating point alike
Number = TypeVar("Number", bound=float)

PREVIOUS_PERIOD, PREVIOUS_YEAR = "previous_period", "previous_year"
COMPARISONS = (PREVIOUS_PERIOD, PREVIOUS_YEAR)
COMPARED_GRAINS = ("month", "quarter", "half", "fiscal_year")

# the stages of the won amount; a factor is a stage over the one before
AMOUNT_STAGES = ("calls_made", "calls_connected", "meetings", "deals_won", "won_amount")
UNEXPLAINED = "unexplained"

_WEEKS_OF_A_YEAR = timedelta(weeks=52)
# enough for amounts that grow or shrink a billionfold
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(48)


@dataclass(frozen=True)
class Cell(Generic[Number]):
    """Results and cases of one channel in one period: the numerator and the denominator."""

    results: Number
    cases: Number


@dataclass(frozen=True)
class RateEffects(Generic[Number]):
    """What one channel adds to the change of the total rate."""

    mix: Number
    performance: Number
    unmatched: Number


def earlier_period(
    period_start: date, grain: str, comparison: str, fiscal_year_start_month: int = APRIL
) -> date:
    """First day of the period that one beginning on `period_start` is compared with."""
    if comparison == PREVIOUS_PERIOD:
        day = period_start - timedelta(days=1)
    elif grain == "week":
        day = period_start - _WEEKS_OF_A_YEAR
    else:
        day = period_start.replace(year=period_start.year - 1)
    return period_bounds(day, grain, fiscal_year_start_month)[0]


def shapley(
    value: Callable[..., Number], before: Sequence[Number], now: Sequence[Number]
) -> list[Number]:
    """What each argument adds to value(*now) - value(*before), over all orders of their change."""
    added = [now[0] * 0 for _ in now]
    for order in permutations(range(len(now))):
        arguments = list(before)
        for position in order:
            old = value(*arguments)
            arguments[position] = now[position]
            added[position] += value(*arguments) - old
    return [total / factorial(len(now)) for total in added]


def rate_effects(
    before: Mapping[str, Cell[Number]], now: Mapping[str, Cell[Number]]
) -> dict[str, RateEffects[Number]] | None:
    """Split the change of Σ results ÷ Σ cases by channel; None where a total has no cases.

    A channel without cases in one of the periods has no rate there; the other period's stands in,
    so that its whole effect is mix. Results of a channel without cases are `unmatched`.

    Args:
        before, now: the same channels.
    """
    totals = [_sum(period) for period in (before, now)]
    if any(total.cases == 0 for total in totals):
        return None
    mean_rate = sum(total.results / total.cases for total in totals) / 2
    return {
        channel: _channel_effects((before[channel], now[channel]), totals, mean_rate)
        for channel in now
    }


def _channel_effects(
    cells: tuple[Cell[Number], Cell[Number]], totals: list[Cell[Number]], mean_rate: Number
) -> RateEffects[Number]:
    zero = mean_rate * 0
    shares = [cell.cases / total.cases for cell, total in zip(cells, totals, strict=True)]
    known = [cell.results / cell.cases if cell.cases else None for cell in cells]
    rates = [
        rate if rate is not None else other if other is not None else zero
        for rate, other in zip(known, reversed(known), strict=True)
    ]
    mix, performance = shapley(
        lambda share, rate: share * (rate - mean_rate),
        (shares[0], rates[0]),
        (shares[1], rates[1]),
    )
    unmatched = [
        zero if cell.cases else cell.results / total.cases
        for cell, total in zip(cells, totals, strict=True)
    ]
    return RateEffects(mix, performance, unmatched[1] - unmatched[0])


def _sum(cells: Mapping[str, Cell[Number]]) -> Cell[Number]:
    return Cell(
        sum(cell.results for cell in cells.values()), sum(cell.cases for cell in cells.values())
    )


def amount_effects(
    before: Sequence[float], now: Sequence[float]
) -> tuple[list[float | None], float]:
    """Split the change of the last stage into what each stage's factor adds.

    Args:
        before, now: the stages from the first volume to the amount.

    Returns: per stage the effect of its factor (the stage over the one before), None where it is
        part of what cannot be told apart; and that part. All of it adds up to the change.
    """
    change = now[-1] - before[-1]
    if min(*before, *now) < 0:
        return [None] * len(now), change
    effects: list[float | None] = [0.0] * len(now)
    unexplained = 0.0
    for first, last, effect in _segments(before, now):
        if last - first == 1:
            effects[last] = effect
        else:
            effects[first + 1 : last + 1] = [None] * (last - first)
            unexplained += effect
    return effects, unexplained


def _segments(before: Sequence[float], now: Sequence[float]) -> Iterator[tuple[int, int, float]]:
    """The parts of the chain that have an effect: the stages that bound them (-1: none), and it."""
    if before[-1] > 0 and now[-1] > 0:
        stops = [stage for stage in range(len(now)) if before[stage] > 0 and now[stage] > 0]
        weight = path_mean(before[-1], now[-1])
        for first, last in pairwise([-1, *stops]):
            growth = now[last] / before[last]
            if first >= 0:
                growth /= now[first] / before[first]
            yield first, last, weight * log(growth)
    elif before[-1] > 0 or now[-1] > 0:
        # the side that won nothing broke off after the last stage it reached
        full, empty = (now, before) if now[-1] > 0 else (before, now)
        stops = [stage for stage in range(len(full)) if full[stage] > 0]
        reached = max((stage for stage in stops if empty[stage] > 0), default=-1)
        missed = min(stage for stage in stops if stage > reached)
        yield reached, missed, now[-1] - before[-1]


def path_mean(before: float, now: float) -> float:
    """The mean of an amount that grows from one to the other at a constant rate, by quadrature."""
    times = (_NODES + 1) / 2
    return float(np.sum(_WEIGHTS / 2 * before ** (1 - times) * now**times))


@dataclass(frozen=True)
class Changes:
    """The frames that the published tables are held against.

    rates: Grain: kpi_id, basis, comparison, period_grain, period_start, channel_id; mix_effect,
        performance_effect, unmatched_effect (null where the total has no cases in a period).
    amounts: Grain: basis, comparison, period_grain, period_start, channel_id (null: the total),
        stage (the last is UNEXPLAINED); effect_jpy, null where it is part of that.
    differences: Grain: kpi_id, basis, comparison, period_grain, period_start, channel_id; effect,
        of every count and amount.
    """

    rates: pl.DataFrame
    amounts: pl.DataFrame
    differences: pl.DataFrame


def changes(
    truth: Truth,
    channels: Sequence[str],
    kpis: Sequence[Kpi] = KPIS,
    fiscal_year_start_month: int = APRIL,
) -> Changes:
    """Every change between two periods of the true values.

    Args:
        truth: the KPI values; what has no row is zero.
        channels: every channel, those without an event too.
        kpis: what the values are made of.
        fiscal_year_start_month: 1 to 12.
    """
    known = _Values(truth, channels)
    rates: list[tuple] = []
    amounts: list[tuple] = []
    differences: list[tuple] = []
    for basis, comparison, grain, start, earlier in _pairs(truth, fiscal_year_start_month):
        key = (basis, comparison, grain, start)
        for kpi in kpis:
            if CHANNEL not in kpi.dimensions or basis not in kpi.bases:
                continue
            before, now = (
                known.by_channel(kpi.kpi_id, basis, grain, day) for day in (earlier, start)
            )
            if kpi.denominator is None:
                differences += [
                    (kpi.kpi_id, *key, channel, now[channel].results - before[channel].results)
                    for channel in channels
                ]
            else:
                split = rate_effects(before, now) or {}
                rates += [
                    (kpi.kpi_id, *key, channel, *_row(split.get(channel))) for channel in channels
                ]
        for channel in (None, *channels):
            stages, unexplained = amount_effects(
                *(known.stages(basis, grain, day, channel) for day in (earlier, start))
            )
            named = zip((*AMOUNT_STAGES, UNEXPLAINED), (*stages, unexplained), strict=True)
            amounts += [(*key, channel, stage, effect) for stage, effect in named]
    of_kpi = {"kpi_id": pl.String} | _KEYS
    return Changes(
        rates=_frame(rates, of_kpi, "mix_effect", "performance_effect", "unmatched_effect"),
        amounts=_frame(amounts, _KEYS | {"stage": pl.String}, "effect_jpy"),
        differences=_frame(differences, of_kpi, "effect"),
    )


_KEYS = {
    "basis": pl.String,
    "comparison": pl.String,
    "period_grain": pl.String,
    "period_start": pl.Date,
    "channel_id": pl.String,
}


class _Values:
    """The true values by key; what has no row is zero."""

    def __init__(self, truth: Truth, channels: Sequence[str]) -> None:
        columns = ["kpi_id", "basis", "period_grain", "period_start"]
        self._channels = channels
        self._cells = {
            tuple(key): Cell(float(results), float(cases or 0))
            for *key, results, cases in truth.by_channel.select(
                *columns, "channel_id", "numerator", "denominator"
            ).iter_rows()
        }
        self._totals = {
            tuple(key): float(results)
            for *key, results in truth.by_total.select(*columns, "numerator").iter_rows()
        }

    def by_channel(self, *key: str | date) -> dict[str, Cell[float]]:
        """A KPI, basis, grain and period: its cells by channel."""
        return {
            channel: self._cells.get((*key, channel), Cell(0.0, 0.0)) for channel in self._channels
        }

    def stages(self, basis: str, grain: str, day: date, channel: str | None) -> list[float]:
        """The stages of the won amount, of a channel or (None) in total."""
        return [
            self._totals.get((stage, basis, grain, day), 0.0)
            if channel is None
            else self._cells.get((stage, basis, grain, day, channel), Cell(0.0, 0.0)).results
            for stage in AMOUNT_STAGES
        ]


def _row(effects: RateEffects[float] | None) -> tuple[float | None, ...]:
    if effects is None:
        return None, None, None
    return effects.mix, effects.performance, effects.unmatched


def _frame(rows: list[tuple], keys: Mapping[str, type[pl.DataType]], *effects: str) -> pl.DataFrame:
    schema = {**keys, **dict.fromkeys(effects, pl.Float64)}
    return pl.DataFrame(rows, schema=schema, orient="row")


def _pairs(
    truth: Truth, fiscal_year_start_month: int
) -> Iterator[tuple[str, str, str, date, date]]:
    """Every period between the first and the last event whose earlier one is there as well."""
    bounds = (
        truth.by_total.filter(pl.col("period_grain").is_in(COMPARED_GRAINS))
        .group_by("basis", "period_grain")
        .agg(first=pl.col("period_start").min(), last=pl.col("period_start").max())
    )
    for basis, grain, first, last in bounds.sort("basis", "period_grain").iter_rows():
        start = last
        while start >= first:
            for comparison in COMPARISONS:
                earlier = earlier_period(start, grain, comparison, fiscal_year_start_month)
                if earlier >= first:
                    yield basis, comparison, grain, start, earlier
            start = earlier_period(start, grain, PREVIOUS_PERIOD, fiscal_year_start_month)
