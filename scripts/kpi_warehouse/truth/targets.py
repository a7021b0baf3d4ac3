"""Which targets are in force on a day, and where they contradict each other.

Read from the rows of the plan, one target after the other; the rules are written out here and are
not read from the seed that the warehouse follows.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction

ALL = "all"
DEPARTMENTS = ("marketing", "inside_sales", "field_sales", "customer_success")


@dataclass(frozen=True)
class Stated:
    """A row of planning/targets; a channel of None is all of them."""

    department: str
    kpi_id: str
    channel: str | None
    month: date
    value: Decimal
    agreed_on: date


@dataclass(frozen=True)
class Kpi:
    """What a target may be of.

    Attributes:
        parts: numerator and denominator of a rate or ratio; a count's own measure and None.
        adds_up: whether the numbers of channels make that of all of them.
        owner: the department that plans it.
    """

    parts: tuple[str, str | None]
    unit: str
    is_targetable: bool
    has_channels: bool
    adds_up: bool
    is_better_high: bool
    owner: str


# department, KPI, channel, month
Key = tuple[str, str, str, date]
# what the goal of a month requires of a KPI in all channels
Requirements = Mapping[tuple[date, str], Decimal]


@dataclass(frozen=True)
class Version:
    """A target that can be one, and what it is on the day in question."""

    key: Key
    number: int
    value: Decimal
    agreed_on: date
    superseded_on: date | None
    is_in_force: bool


@dataclass(frozen=True)
class Conflict:
    """Two numbers that do not fit together; the goal is nobody's."""

    rule: str
    month: date
    channel: str
    department: str
    kpi_id: str
    other_department: str | None
    other_kpi_id: str
    value: Decimal
    other_value: Decimal


def rejection(target: Stated, kpis: Mapping[str, Kpi]) -> str | None:
    """Why it cannot be a target; None if it can."""
    kpi = kpis[target.kpi_id]
    if target.department not in DEPARTMENTS:
        return "target_of_unknown_department"
    if not kpi.is_targetable:
        return "target_of_kpi_not_targetable"
    if target.channel is not None and not kpi.has_channels:
        return "target_of_kpi_without_channels"
    if target.value < 0 or (kpi.unit == "rate" and target.value > 1):
        return "target_in_wrong_unit"
    return None


def versions(targets: Iterable[Stated], kpis: Mapping[str, Kpi], day: date) -> list[Version]:
    """Every target that can be one, with its number in the order of agreement, as of a day."""
    by_key: dict[Key, list[Stated]] = defaultdict(list)
    for target in targets:
        if rejection(target, kpis) is None:
            channel = target.channel or ALL
            by_key[target.department, target.kpi_id, channel, target.month].append(target)
    found = []
    for key, rows in by_key.items():
        rows.sort(key=lambda row: row.agreed_on)
        last = max((row.agreed_on for row in rows if row.agreed_on <= day), default=None)
        following = [row.agreed_on for row in rows[1:]]
        found += [
            Version(key, number, row.value, row.agreed_on, after, row.agreed_on == last)
            for number, (row, after) in enumerate(
                zip(rows, [*following, None], strict=True), start=1
            )
        ]
    return found


def in_force(found: Iterable[Version]) -> dict[Key, Decimal]:
    """The values that hold."""
    return {version.key: version.value for version in found if version.is_in_force}


def conflicts(
    values: Mapping[Key, Decimal],
    goals: Mapping[date, Decimal],
    requirements: Requirements,
    kpis: Mapping[str, Kpi],
    day: date,
) -> list[Conflict]:
    """All contradictions between targets in force, and between them and the goals, as of a day."""
    plan = _Plan(values, kpis)
    found: list[Conflict] = []
    for month in sorted({key[3] for key in values}):
        found += _supply(plan, month)
        found += _handover(plan, month)
        if month in goals:
            found += _goal(plan, month, goals[month])
        found += _channels(plan, month)
        found += _rates(plan, month)
        if (month + timedelta(days=31)).replace(day=1) > day + timedelta(days=1):
            found += _required(plan, month, requirements)
    return found


class _Plan:
    def __init__(self, values: Mapping[Key, Decimal], kpis: Mapping[str, Kpi]) -> None:
        self.kpis = kpis
        self._values = values
        self._by_channel: dict[tuple[str, str, date], dict[str, Decimal]] = defaultdict(dict)
        for (department, kpi_id, channel, month), value in values.items():
            self._by_channel[department, kpi_id, month][channel] = value

    def of(self, month: date) -> Iterator[tuple[str, str]]:
        """Departments with the KPIs they have targets of."""
        for department, kpi_id, of_month in self._by_channel:
            if of_month == month:
                yield department, kpi_id

    def stated(self, department: str, kpi_id: str, month: date, channel: str) -> Decimal | None:
        return self._values.get((department, kpi_id, channel, month))

    def channels(self, department: str, kpi_id: str, month: date) -> dict[str, Decimal]:
        of_all = self._by_channel.get((department, kpi_id, month), {})
        return {channel: value for channel, value in of_all.items() if channel != ALL}

    def total(self, department: str, kpi_id: str, month: date) -> Decimal | None:
        """What is stated, else what the channels add up to."""
        stated = self.stated(department, kpi_id, month, ALL)
        by_channel = self.channels(department, kpi_id, month)
        if stated is None and by_channel and self.kpis[kpi_id].adds_up:
            return sum(by_channel.values(), Decimal(0))
        return stated


def _supply(plan: _Plan, month: date) -> Iterator[Conflict]:
    """Nobody can work a lead that nobody supplies."""
    sides = ("inside_sales", "leads_acquired", "marketing", "leads_acquired")
    supplied = plan.channels("marketing", "leads_acquired", month)
    wanted = plan.channels("inside_sales", "leads_acquired", month)
    if supplied:
        for channel, leads in wanted.items():
            promised = supplied.get(channel, Decimal(0))
            if leads > promised:
                yield Conflict("supply_covers_leads", month, channel, *sides, leads, promised)
    planned = plan.total("inside_sales", "leads_acquired", month)
    promised = plan.total("marketing", "leads_acquired", month)
    if planned is not None and promised is not None and planned > promised:
        yield Conflict("supply_covers_leads", month, ALL, *sides, planned, promised)


def _handover(plan: _Plan, month: date) -> Iterator[Conflict]:
    """Who hands over and who receives count the same meetings."""
    sides = ("inside_sales", "meetings", "field_sales", "meetings")
    for channel in {ALL, *plan.channels("inside_sales", "meetings", month)}:
        given = plan.stated("inside_sales", "meetings", month, channel)
        received = plan.stated("field_sales", "meetings", month, channel)
        if given is not None and received is not None and given != received:
            yield Conflict("handover_is_expected", month, channel, *sides, given, received)


def _goal(plan: _Plan, month: date, goal: Decimal) -> Iterator[Conflict]:
    planned = plan.total("field_sales", "won_amount", month)
    if planned is not None and planned < goal:
        sides = ("field_sales", "won_amount", None, "won_amount")
        yield Conflict("won_amount_reaches_goal", month, ALL, *sides, planned, goal)


def _channels(plan: _Plan, month: date) -> Iterator[Conflict]:
    """The parts are not more than the whole."""
    for department, kpi_id in plan.of(month):
        total = plan.stated(department, kpi_id, month, ALL)
        parts = sum(plan.channels(department, kpi_id, month).values(), Decimal(0))
        if total is not None and plan.kpis[kpi_id].adds_up and parts > total:
            sides = (department, kpi_id, department, kpi_id)
            yield Conflict("channels_fit_total", month, ALL, *sides, parts, total)


def _rates(plan: _Plan, month: date) -> Iterator[Conflict]:
    """A rate and its cases leave no choice of the count but that of a part of a case."""
    for department, rate_id in plan.of(month):
        rate = plan.kpis[rate_id]
        if rate.parts[1] is None or not rate.is_better_high:
            continue
        counts = _counts_of(plan, department, month, rate.parts[0])
        for kpi_id in counts:
            for cases_id in _counts_of(plan, department, month, rate.parts[1]):
                for channel in {ALL, *plan.channels(department, rate_id, month)}:
                    numbers = [
                        plan.stated(department, each, month, channel)
                        for each in (rate_id, cases_id, kpi_id)
                    ]
                    if None in numbers:
                        continue
                    share, cases, count = map(Fraction, numbers)
                    asked_for = share * cases // 1
                    if count < asked_for:
                        sides = (department, kpi_id, department, rate_id)
                        yield Conflict(
                            *("rates_fit_counts", month, channel, *sides),
                            *(numbers[2], Decimal(asked_for)),
                        )


def _required(plan: _Plan, month: date, requirements: Requirements) -> Iterator[Conflict]:
    """Who owns a KPI plans what the goal needs of it."""
    for (of_month, kpi_id), needed in requirements.items():
        owner = plan.kpis[kpi_id].owner
        planned = plan.total(owner, kpi_id, month)
        if of_month == month and planned is not None and planned < needed:
            sides = (owner, kpi_id, None, kpi_id)
            yield Conflict("requirement_is_targeted", month, ALL, *sides, planned, needed)


def _counts_of(plan: _Plan, department: str, month: date, measure: str) -> list[str]:
    """The department's KPIs of a month that are this count and nothing else."""
    return [
        kpi_id
        for owner, kpi_id in plan.of(month)
        if owner == department
        and plan.kpis[kpi_id].adds_up
        and plan.kpis[kpi_id].parts == (measure, None)
    ]
