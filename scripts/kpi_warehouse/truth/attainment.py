"""How far targets are attained, from the KPIs' true values and the calendar, in exact fractions."""

import calendar
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from math import sqrt
from statistics import quantiles, variance

import polars as pl

from kpi_warehouse.truth.durations import business_days
from kpi_warehouse.truth.intervals import Z_95, wilson
from kpi_warehouse.truth.kpis import Truth

ALL = "all"
REVIEW_BELOW = Fraction(7, 10)
INTERVAL_DAYS = 5
HISTORY_MONTHS = 12
HISTORY_MINIMUM = 3
SMALL_SAMPLE_BELOW = 30
# quarters are cut at 25 %, 50 % and 75 %
GOOD_QUARTER = {"higher": 2, "neutral": 2, "lower": 0}

Registry = Mapping[str, Mapping[str, str]]


@dataclass(frozen=True)
class Target:
    """What a department wants of a KPI in a month; channel `all` is the total."""

    department: str
    kpi_id: str
    channel_id: str
    month: date
    value: Decimal


@dataclass(frozen=True)
class Attainment:
    """What a target has come to; None where it is not defined or not judged."""

    actual: float | None
    attainment: float | None
    expected_to_date: float | None
    pace: float | None
    projected: float | None
    interval: tuple[float, float] | None
    status: str | None
    supported_target: float | None
    supported_months: int
    business_days: int
    business_days_elapsed: int


@dataclass(frozen=True)
class Value:
    """A KPI of one period: numerator and denominator, or the value of a statistic."""

    numerator: Fraction | None
    denominator: Fraction | None
    value: float | None


class Attainments:
    """The targets of a world held against its truth as of a day."""

    def __init__(
        self, truth: Truth, registry: Registry, closed: Iterable[date], as_of_date: date
    ) -> None:
        """Take the true KPI values, the registry's rows by KPI and the company's holidays."""
        self._registry = registry
        self._closed = set(closed)
        self._as_of = as_of_date
        self._values: dict[tuple[str, str, str, date], Value] = {}
        self._days: dict[date, list[date]] = {}
        for frame in (truth.by_total.with_columns(channel_id=pl.lit(ALL)), truth.by_channel):
            kept = frame.filter(
                (pl.col("basis") == "event") & pl.col("period_grain").is_in(["month", "day"])
            )
            for row in kept.iter_rows(named=True):
                key = (row["kpi_id"], row["channel_id"], row["period_grain"], row["period_start"])
                self._values[key] = Value(
                    *(None if row[side] is None else Fraction(row[side]) for side in _SIDES),
                    row["value"],
                )

        # the first month in which anything of a KPI and channel happened
        self._begins: dict[tuple[str, str], date] = {}
        for (kpi_id, channel_id, grain, start), value in self._values.items():
            if grain == "month" and (value.numerator or value.denominator):
                first = self._begins.setdefault((kpi_id, channel_id), start)
                self._begins[kpi_id, channel_id] = min(first, start)

    def of(self, target: Target) -> Attainment:
        """What has come of a target of a month that has begun."""
        rules = self._registry[target.kpi_id]
        is_sum = not rules["denominator_measure_id"] and not rules["distribution_id"]
        days = self._business_days(target.month)
        over = [day for day in days if day <= self._as_of]
        found = self._values.get((target.kpi_id, target.channel_id, "month", target.month))
        actual = self._actual(found, is_sum)
        wanted = Fraction(target.value)
        expected = wanted * Fraction(len(over), len(days)) if is_sum else wanted
        is_lower = rules["polarity"] == "lower"
        supported = self._history(target, is_sum, len(days))
        return Attainment(
            actual=None if actual is None else float(actual),
            attainment=_share(actual, wanted, is_lower),
            expected_to_date=float(expected),
            pace=_share(actual, expected, is_lower),
            projected=self._projected(actual, target.month, is_sum, len(over), len(days)),
            interval=self._interval(target, found, actual, rules, days, over),
            status=self._status(found, actual, expected, rules, is_sum),
            supported_target=(
                quantiles(supported, n=4, method="inclusive")[GOOD_QUARTER[rules["polarity"]]]
                if len(supported) >= HISTORY_MINIMUM
                else None
            ),
            supported_months=len(supported),
            business_days=len(days),
            business_days_elapsed=len(over),
        )

    def _actual(self, found: Value | None, is_sum: bool) -> Fraction | None:
        if is_sum:
            return found.numerator if found else Fraction(0)
        if found is None:
            return None
        if found.numerator is None:
            return None if found.value is None else Fraction(found.value)
        return found.numerator / found.denominator if found.denominator else None

    def _is_over(self, month: date) -> bool:
        return _last_day(month) <= self._as_of

    def _projected(
        self, actual: Fraction | None, month: date, is_sum: bool, over: int, days: int
    ) -> float | None:
        if actual is None or (not is_sum) or self._is_over(month):
            return None if actual is None else float(actual)
        return float(actual + actual / over * (days - over)) if over else None

    def _interval(
        self,
        target: Target,
        found: Value | None,
        actual: Fraction | None,
        rules: Mapping[str, str],
        days: Sequence[date],
        over: Sequence[date],
    ) -> tuple[float, float] | None:
        if rules["denominator_measure_id"]:
            is_share = rules["is_subset_event"] == "true" and found and found.denominator
            return wilson(int(found.numerator), int(found.denominator)) if is_share else None
        if rules["distribution_id"] or actual is None:
            return None
        left = len(days) - len(over)
        if self._is_over(target.month) or not left:
            return float(actual), float(actual)
        if len(over) < INTERVAL_DAYS:
            return None
        each = [
            float(value.numerator)
            if (value := self._values.get((target.kpi_id, target.channel_id, "day", day)))
            else 0.0
            for day in over
        ]
        # a sum of days to come has their own variance and that of the mean it is told by
        half = Z_95 * sqrt(variance(each) * left * (1 + left / len(over)))
        middle = float(actual) * len(days) / len(over)
        if rules["unit"] == "count":
            return max(float(actual), middle - half), middle + half
        return middle - half, middle + half

    def _status(
        self,
        found: Value | None,
        actual: Fraction | None,
        expected: Fraction,
        rules: Mapping[str, str],
        is_sum: bool,
    ) -> str | None:
        cases = found.denominator if found and not is_sum else None
        is_small = cases is not None and cases < SMALL_SAMPLE_BELOW
        if actual is None or is_small or not expected or rules["polarity"] == "neutral":
            return None
        gained, wanted = (expected, actual) if rules["polarity"] == "lower" else (actual, expected)
        if gained >= wanted:
            return "on_track"
        return "review" if gained < REVIEW_BELOW * wanted else "behind"

    def _history(self, target: Target, is_sum: bool, days: int) -> list[float]:
        """What each of the complete months before would be worth in this one."""
        key = (target.kpi_id, target.channel_id)
        begins = self._begins.get(key, date.max)
        months = [_months_before(target.month, back) for back in range(1, HISTORY_MONTHS + 1)]
        found = []
        for month in months:
            value = self._values.get((*key, "month", month))
            if month < begins:
                continue
            if is_sum:
                amount = value.numerator if value else Fraction(0)
                found.append(float(amount * days / len(self._business_days(month))))
            elif value and value.value is not None and value.denominator >= SMALL_SAMPLE_BELOW:
                found.append(value.value)
        return found

    def _business_days(self, month: date) -> list[date]:
        if month not in self._days:
            self._days[month] = business_days(month, _last_day(month), self._closed)
        return self._days[month]


_SIDES = ("numerator", "denominator")


def _share(actual: Fraction | None, wanted: Fraction, is_lower: bool) -> float | None:
    if actual is None:
        return None
    over, under = (wanted, actual) if is_lower else (actual, wanted)
    return float(over / under) if under else None


def _last_day(month: date) -> date:
    return month.replace(day=calendar.monthrange(month.year, month.month)[1])


def _months_before(month: date, back: int) -> date:
    for _ in range(back):
        month = (month - timedelta(days=1)).replace(day=1)
    return month
