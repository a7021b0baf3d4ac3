"""From the goal of a month back to the work of a day: requirements, what limits them, levers.

A chain is worked back in fractions, stage by stage, each requirement the one before ÷ the rate
between the two; the marts compute one whole number over another in decimals. Nothing is rounded
but what is shown.
"""

import csv
import math
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

from kpi_warehouse.truth import facts
from kpi_warehouse.truth.calendar import period_bounds
from kpi_warehouse.truth.durations import business_days
from kpi_warehouse.truth.intervals import Z_95, wilson
from kpi_warehouse.truth.kpis import CHANNEL, EVENT, TOTAL, Kpi, values_by

if TYPE_CHECKING:
    from kpi_warehouse.world.log import WorldLog

ALL = "all"
WINDOW_MONTHS = 6
HISTORY_MONTHS = 24
HISTORY_MINIMUM = 6
SMALL_SAMPLE_BELOW = 30
DAYS_PER_WEEK = 5

Number = int | float | Decimal | Fraction
# a channel (or ALL) and a KPI: by month its numerator and denominator (0 of a count)
Values = Mapping[tuple[str, str], Mapping[date, tuple[Fraction, Fraction]]]


@dataclass(frozen=True)
class Node:
    """One row of seed kgi_tree; empty texts are empty."""

    node: str
    parent: str
    kpi_id: str
    rate_kind: str
    rate_kpi_id: str
    is_daily_work: bool
    supply_department: str
    per_hour_kpi_id: str
    names: Mapping[str, str]


def read_tree(path: Path) -> tuple[Node, ...]:
    """The nodes of a seed file."""
    with path.open(encoding="utf-8", newline="") as file:
        return tuple(
            Node(
                **{
                    name: row[name]
                    for name in ("node", "parent", "kpi_id", "rate_kind", "rate_kpi_id")
                },
                is_daily_work=row["is_daily_work"] == "true",
                supply_department=row["supply_department"],
                per_hour_kpi_id=row["per_hour_kpi_id"],
                names={name: cell for name, cell in row.items() if "name_" in name},
            )
            for row in csv.DictReader(file)
        )


@dataclass(frozen=True)
class Rate:
    """Results over cases; `is_stated` if a goal says so and nobody has counted it."""

    results: Fraction
    cases: Fraction
    kind: str = "proportion"
    is_stated: bool = False

    @property
    def value(self) -> Fraction | None:
        """None without cases (R1)."""
        return self.results / self.cases if self.cases else None

    @property
    def reason(self) -> str | None:
        """Why nothing can be divided by it."""
        if not self.cases:
            return "no_cases"
        return "zero_rate" if self.results <= 0 else None

    @property
    def limits(self) -> tuple[float, float] | None:
        """Its 95 % interval: Wilson's of a share, else on the scale of logarithms."""
        if self.is_stated or not self.cases:
            return None
        value = float(self.results / self.cases)
        if self.kind == "proportion" and 0 <= self.results <= self.cases:
            return wilson(int(self.results), int(self.cases))
        if self.results <= 0:
            return None
        variance = 1 / float(self.cases)
        if self.kind != "amount":
            variance += 1 / float(self.results)
        factor = math.exp(Z_95 * math.sqrt(variance))
        return value / factor, value * factor


@dataclass(frozen=True)
class Requirement:
    """How many are needed; all None below a stage without a rate, whose number is `broken_at`."""

    exact: Fraction | None
    required: Fraction | None
    low: Fraction | None
    high: Fraction | None
    broken_at: int | None = None


def work_back(goal: Fraction, rates: Sequence[Rate], each: bool = False) -> list[Requirement]:
    """What a goal requires of the goal itself and of each stage before it.

    Args:
        goal: at least 0.
        rates: from the goal's own (yen per deal) to that of the first stage.
        each: whether a stage starts from the whole number of the one after it.

    The limits are those of the product of the rates, from the limits of each (MOVER): G. Y. Zou and
    A. Donner, Statistics in Medicine 27 (2008), 1693-1702.
    """
    found = [Requirement(goal, goal, goal, goal)]
    exact, up, down = goal, 0.0, 0.0
    for number, rate in enumerate(rates):
        if rate.reason:
            rest = len(rates) - number
            return found + [Requirement(None, None, None, None, number)] * rest
        exact = (found[-1].required if each else exact) / rate.value
        required = Fraction(math.ceil(exact))
        if rate.limits:
            up += math.log(float(rate.value) / rate.limits[0]) ** 2
            down += math.log(rate.limits[1] / float(rate.value)) ** 2
        low = math.ceil(float(exact) / math.exp(math.sqrt(down))) if down else required
        high = math.ceil(float(exact) * math.exp(math.sqrt(up))) if up else required
        found.append(
            Requirement(
                exact, required, min(Fraction(low), required), max(Fraction(high), required)
            )
        )
    return found


def forward(required: Fraction, rates: Sequence[Rate]) -> Fraction:
    """What so many of the first stage become, at these rates, at the end of the chain."""
    return required * math.prod((rate.value or Fraction(0) for rate in rates), start=Fraction(1))


def shares(goal: Fraction, won: Mapping[str, Fraction]) -> dict[str, Fraction]:
    """The goal in parts by what was won, in whole yen and to the yen; of nothing won no part."""
    winners = sorted(
        ((amount, channel) for channel, amount in won.items() if amount > 0),
        key=lambda pair: (-pair[0], pair[1]),
    )
    total = sum(amount for amount, _ in winners)
    parts, so_far, given = {}, Fraction(0), Fraction(0)
    for amount, channel in winners:
        so_far += amount
        upto = min(Fraction(math.ceil(goal * so_far / total)), goal)
        parts[channel], given = upto - given, upto
    return parts


@dataclass(frozen=True)
class Goal:
    """The goal of a month, and the months that it is worked back and held against."""

    month: date
    won_amount: Fraction
    average_deal: Fraction | None
    window: tuple[date, ...]
    history: tuple[date, ...]


@dataclass(frozen=True)
class Staff:
    """Inside sales in a month: its reps, business days, those of all reps together, and hours."""

    reps: int = 0
    business_days: int = 0
    rep_days: int = 0
    hours: Fraction = Fraction(0)


@dataclass(frozen=True)
class Plan:
    """What a tree is computed of.

    Attributes:
        tree: its nodes.
        goals: one per month.
        values: monthly KPI values of complete months.
        staff: by month.
        supply: by month, channel and node.
        each: whether a stage starts from the whole number of the one after it.
    """

    tree: tuple[Node, ...]
    goals: Sequence[Goal]
    values: Values
    staff: Mapping[date, Staff] = field(default_factory=dict)
    supply: Mapping[tuple[date, str, str], Fraction] = field(default_factory=dict)
    history_minimum: int = HISTORY_MINIMUM
    small_sample_below: int = SMALL_SAMPLE_BELOW
    each: bool = False


Row = dict[str, object]


def tree_rows(plan: Plan) -> dict[tuple[date, str, str], Row]:
    """Every row of kgi_kpi_tree by month, channel and node; texts but names and sentences."""
    rows = {}
    for goal in plan.goals:
        for channel, part in _parts(plan, goal).items():
            for node, row in _chain(plan, goal, channel, part):
                rows[goal.month, channel, node] = row
    return rows


def _total(
    plan: Plan, channel: str, kpi_id: str, months: Sequence[date], side: int = 0
) -> Fraction:
    values = plan.values.get((channel, kpi_id), {})
    return sum((values[month][side] for month in months if month in values), Fraction(0))


def _parts(plan: Plan, goal: Goal) -> dict[str, Fraction]:
    root = next(node for node in plan.tree if node.kpi_id and not node.parent)
    won = {
        channel: _total(plan, channel, root.kpi_id, goal.window)
        for channel, kpi_id in plan.values
        if kpi_id == root.kpi_id and channel != ALL
    }
    return {ALL: goal.won_amount, **shares(goal.won_amount, won)}


def path_to(tree: Sequence[Node], node: Node) -> list[Node]:
    """The nodes from the goal down to this one."""
    by_id = {one.node: one for one in tree}
    path = [node]
    while path[-1].parent:
        path.append(by_id[path[-1].parent])
    return path[::-1]


def _rate(plan: Plan, goal: Goal, scope: str, node: Node, parent: Node) -> Rate:
    if node.rate_kind == "amount" and goal.average_deal is not None:
        return Rate(goal.average_deal, Fraction(1), "amount", is_stated=True)
    return Rate(
        _total(plan, scope, parent.kpi_id, goal.window),
        _total(plan, scope, node.kpi_id, goal.window),
        node.rate_kind,
    )


def _chain(plan: Plan, goal: Goal, channel: str, part: Fraction) -> Iterator[tuple[str, Row]]:
    by_id = {node.node: node for node in plan.tree}
    staged = [node for node in plan.tree if node.parent]

    def rate_of(scope: str, node: Node) -> Rate:
        return _rate(plan, goal, scope, node, by_id[node.parent])

    has_own_rates = all(
        rate.is_stated or rate.cases >= plan.small_sample_below
        for rate in (rate_of(channel, node) for node in staged)
    )
    scope = channel if channel == ALL or has_own_rates else ALL
    staff = plan.staff.get(goal.month, Staff())
    requirements = {}
    for node in plan.tree:
        if not node.kpi_id:
            continue
        path = path_to(plan.tree, node)
        rates = [rate_of(scope, one) for one in path[1:]]
        requirement = work_back(part, rates, plan.each)[-1]
        requirements[node.node] = requirement
        broken = None
        if requirement.broken_at is not None:
            broken = path[requirement.broken_at + 1]
        yield (
            node.node,
            _row(plan, goal, channel, scope, node, requirement, rates, broken)
            | _work(requirement.required, staff),
        )
    for node in plan.tree:
        if node.kpi_id:
            continue
        parts = [requirements[one.node] for one in plan.tree if one.is_daily_work]
        sums = {
            name: None
            if any(one.required is None for one in parts)
            else sum(getattr(one, name) for one in parts)
            for name in ("exact", "required", "low", "high")
        }
        broken = [
            path_to(plan.tree, by_id[one.node])[requirements[one.node].broken_at + 1]
            for one in plan.tree
            if one.is_daily_work and requirements[one.node].broken_at is not None
        ]
        first = broken[0] if broken else None
        yield (
            node.node,
            _required(Requirement(**sums))
            | _work(sums["required"], staff)
            | {
                "reason": rate_of(scope, first).reason if first else None,
                "broken": first.node if first else None,
                "is_feasible": None,
                "is_rate_of_total": scope != channel,
                "is_small_sample": False,
                "history_months": 0,
            },
        )


def _required(requirement: Requirement) -> Row:
    return {
        "required": requirement.required,
        "required_exact": requirement.exact,
        "required_low": requirement.low,
        "required_high": requirement.high,
    }


def _work(required: Fraction | None, staff: Staff) -> Row:
    row: Row = {
        "reps": staff.reps,
        "business_days": staff.business_days,
        "rep_days": staff.rep_days,
    }
    for period, days in (("day", 1), ("week", DAYS_PER_WEEK)):
        work = required * days / staff.rep_days if required is not None and staff.rep_days else None
        row[f"per_rep_{period}"] = work
        row[f"per_rep_{period}_rounded"] = None if work is None else math.ceil(work)
    return row


def _row(
    plan: Plan,
    goal: Goal,
    channel: str,
    scope: str,
    node: Node,
    requirement: Requirement,
    rates: Sequence[Rate],
    broken: Node | None,
) -> Row:
    rate = rates[-1] if rates else None
    limits = rate.limits if rate else None
    values = plan.values.get((channel, node.kpi_id), {})
    history = [values[month][0] for month in goal.history if month in values]
    best_rates = []
    if rate:
        parent = next(one for one in plan.tree if one.node == node.parent)
        for month in goal.history:
            results = _total(plan, scope, parent.kpi_id, [month])
            cases = _total(plan, scope, node.kpi_id, [month])
            if cases:
                best_rates.append(results / cases)
    required = requirement.required
    hours = _capacity(plan, goal, node) if node.per_hour_kpi_id and channel == ALL else None
    supply = plan.supply.get((goal.month, channel, node.node))
    best = max(history, default=None)
    is_held = len(history) >= plan.history_minimum and (scope == channel or not node.parent)
    reason = next((one.reason for one in rates if one.reason), None)
    if required is not None:
        if supply is not None and required > supply:
            reason = "above_supply"
        elif hours is not None and required > hours[0]:
            reason = "above_capacity"
        elif is_held and best is not None and requirement.low > best:
            reason = "above_history"
    is_judged = supply is not None or hours is not None or is_held
    return _required(requirement) | {
        "reason": reason,
        "broken": broken.node if broken else None,
        "rate_used": rate.value if rate else None,
        "rate_low": limits[0] if limits else None,
        "rate_high": limits[1] if limits else None,
        "rate_history_max": max(best_rates, default=None),
        "cases": rate.cases if rate and not rate.is_stated else None,
        "history_months": len(history),
        "history_max": best,
        "history_percentile": Fraction(sum(value <= required for value in history), len(history))
        if history and required is not None
        else None,
        "capacity": hours[0] if hours else None,
        "hours": hours[1] if hours else None,
        "per_hour": hours[2] if hours else None,
        "supply": supply,
        "is_feasible": None
        if required is None
        else False
        if reason
        else True
        if is_judged
        else None,
        "is_rate_of_total": scope != channel,
        "is_small_sample": rate is not None
        and not rate.is_stated
        and rate.cases < plan.small_sample_below,
    }


def _capacity(plan: Plan, goal: Goal, node: Node) -> tuple[Fraction, Fraction, Fraction] | None:
    """Rep days × hours per rep day × how many an hour holds, and the last two."""
    window = [plan.staff[month] for month in goal.window if month in plan.staff]
    rep_days = sum(one.rep_days for one in window)
    hours = sum((one.hours for one in window), Fraction(0))
    done = _total(plan, ALL, node.per_hour_kpi_id, goal.window)
    worked = _total(plan, ALL, node.per_hour_kpi_id, goal.window, side=1)
    if goal.month not in plan.staff or not rep_days or not worked:
        return None
    per_day, per_hour = hours / rep_days, done / worked
    capacity = plan.staff[goal.month].rep_days * per_day * per_hour
    return Fraction(math.floor(capacity)), per_day, per_hour


def lever_rows(
    plan: Plan, rows: Mapping[tuple[date, str, str], Row]
) -> dict[tuple[date, str, str, str], Row]:
    """Every row of kgi_levers by month, channel, infeasible node and lever."""
    by_id = {node.node: node for node in plan.tree}
    found = {}
    for (month, channel, name), row in rows.items():
        if row["is_feasible"] is not False:
            continue
        limited_by = row["reason"].removeprefix("above_")
        limit = row["history_max" if limited_by == "history" else limited_by]
        allowed = Fraction(math.floor(limit))
        wanted = row["required_exact"]
        if limited_by == "history":
            wanted = min(wanted, row["required_low"])
        for node in path_to(plan.tree, by_id[name]):
            other = rows[month, channel, node.node]
            if not node.parent:
                kind, current, best = "goal", other["required"], other["history_max"]
                needed = current * allowed / wanted
            else:
                kind, current, best = "rate", other["rate_used"], other["rate_history_max"]
                needed = current * wanted / allowed if allowed else None
            is_share = node.rate_kind == "proportion" and kind == "rate" and current <= 1
            found[month, channel, name, node.node] = _lever(
                kind,
                limited_by,
                current,
                needed,
                best,
                is_possible=needed is not None and not (is_share and needed > 1),
            )
        if limited_by != "history":
            found[month, channel, name, limited_by] = _lever(
                "limit", limited_by, limit, row["required"], row["history_max"], is_possible=True
            )
    return found


def _lever(
    kind: str,
    limited_by: str,
    current: Fraction,
    needed: Fraction | None,
    best: Fraction | None,
    *,
    is_possible: bool,
) -> Row:
    change = None if needed is None else needed - current
    return {
        "lever_kind": kind,
        "limited_by": limited_by,
        "current_value": current,
        "needed_value": needed,
        "change": change,
        "change_share": change / current if change is not None and current else None,
        "history_max": best,
        "is_possible": is_possible,
        "is_within_history": None if needed is None or best is None else needed <= best,
    }


# of the world ---------------------------------------------------------------------------------


def months_before(month: date, count: int) -> tuple[date, ...]:
    """The first days of so many months, the last one being the month before."""
    found = []
    for _ in range(count):
        month = (month - timedelta(days=1)).replace(day=1)
        found.append(month)
    return tuple(reversed(found))


def plan_of_world(
    log: "WorldLog",
    spells: Sequence[tuple[Sequence[Kpi], pl.DataFrame]],
    tree: tuple[Node, ...],
    kgi: pl.DataFrame,
    targets: pl.DataFrame,
) -> Plan:
    """What the tree of a world is computed of.

    Args:
        log: what truly happened.
        spells: its counted events, as `agreements.events_as_agreed` gives them.
        tree: the nodes.
        kgi: the goals as the extract has them: fiscal_year, month (YYYY-MM), won_amount,
            average_deal.
        targets: the targets as the extract has them: department, kpi_id, channel, month,
            target_value, agreed_on; channels and departments under their ids.
    """
    kpis = {node.kpi_id for node in tree} | {node.per_hour_kpi_id for node in tree}
    values = _values(log, spells, kpis)
    goals = _goals(log, kgi, min(month for months in values.values() for month in months))
    months = [goal.month for goal in goals] + [month for goal in goals for month in goal.window]
    return Plan(
        tree,
        goals,
        values,
        _staff(log, min(months), max(months)),
        _supply(log, tree, targets),
    )


def _is_over(log: "WorldLog", month: date) -> bool:
    return period_bounds(month, "month")[1] <= log.as_of_date


def _values(
    log: "WorldLog", spells: Sequence[tuple[Sequence[Kpi], pl.DataFrame]], kpis: set[str]
) -> Values:
    values: dict[tuple[str, str], dict[date, tuple[Fraction, Fraction]]] = defaultdict(dict)
    of_tree = [([kpi for kpi in agreed if kpi.kpi_id in kpis], events) for agreed, events in spells]
    for dimension, channel in ((TOTAL, pl.lit(ALL)), (CHANNEL, pl.col("channel_id"))):
        rows = (
            values_by(of_tree, [dimension], ["month"])
            .filter(pl.col("basis") == EVENT)
            .select(
                channel, "kpi_id", "period_start", "numerator", pl.col("denominator").fill_null(0)
            )
        )
        for member, kpi_id, month, numerator, denominator in rows.iter_rows():
            if _is_over(log, month):
                values[member, kpi_id][month] = Fraction(numerator), Fraction(denominator)
    # nothing in a month is a zero: every month from the first to the last
    months = sorted({month for of_kpi in values.values() for month in of_kpi})
    for of_kpi in values.values():
        for month in months:
            of_kpi.setdefault(month, (Fraction(0), Fraction(0)))
    # a channel that has some of the KPIs has the others with zeros
    for channel in {channel for channel, _ in values if channel != ALL}:
        for kpi_id in {kpi_id for member, kpi_id in values if member != ALL}:
            values.setdefault((channel, kpi_id), dict.fromkeys(months, (Fraction(0), Fraction(0))))
    return values


def _goals(log: "WorldLog", kgi: pl.DataFrame, first_month: date) -> list[Goal]:
    newest = kgi.filter(pl.col("won_amount").is_not_null()).sort("fiscal_year")
    goals = {}
    for row in newest.iter_rows(named=True):
        month = date.fromisoformat(f"{row['month']}-01")
        after = month
        while not all(_is_over(log, one) for one in months_before(after, 1)):
            (after,) = months_before(after, 1)
        deal = Fraction(row["average_deal"] or 0)
        goals[month] = Goal(
            month,
            Fraction(row["won_amount"]),
            deal if deal > 0 else None,
            months_before(after, WINDOW_MONTHS),
            tuple(
                one
                for one in months_before(month, HISTORY_MONTHS)
                if one >= first_month and _is_over(log, one)
            ),
        )
    return list(goals.values())


def _staff(log: "WorldLog", first: date, last: date) -> dict[date, Staff]:
    """By month, whoever's latest spell that has begun is in inside sales and not over."""
    spells = defaultdict(list)
    for user in log.users.iter_rows(named=True):
        begun, ended = user["active_from"] or date.min, user["active_to"] or date.max
        spells[user["user_id"]].append((begun, ended, user["department"] in facts.INSIDE_SALES))

    def is_there(rep: str, day: date) -> bool:
        begun = [spell for spell in spells.get(rep, ()) if spell[0] <= day]
        return bool(begun) and max(begun)[1] >= day and max(begun)[2]

    closed = set(log.company_holidays["date"])
    days = defaultdict(list)
    for day in business_days(first, period_bounds(last, "month")[1], closed):
        days[day.replace(day=1)].append(day)
    hours: dict[date, Fraction] = defaultdict(Fraction)
    for rep, day, worked in log.attendance.select("rep_id", "work_date", "working_hours").rows():
        if day <= log.as_of_date and is_there(rep, day):
            hours[day.replace(day=1)] += Fraction(worked)
    staff = {}
    for month, of_month in days.items():
        present = [rep for day in of_month for rep in spells if is_there(rep, day)]
        staff[month] = Staff(len(set(present)), len(of_month), len(present), hours[month])
    return staff


def _supply(
    log: "WorldLog", tree: tuple[Node, ...], targets: pl.DataFrame
) -> dict[tuple[date, str, str], Fraction]:
    """The last target of each month and channel that was agreed on by the as-of date."""
    nodes = {
        (node.supply_department, node.kpi_id): node.node for node in tree if node.supply_department
    }
    found: dict[tuple[date, str, str], Fraction] = {}
    for row in targets.sort("agreed_on", "target_value").iter_rows(named=True):
        node = nodes.get((row["department"], row["kpi_id"]))
        if node and row["agreed_on"] <= log.as_of_date and row["target_value"] >= 0:
            month = date.fromisoformat(f"{row['month']}-01")
            found[month, row["channel"] or ALL, node] = Fraction(row["target_value"])
    for month, _, node in list(found):
        if (month, ALL, node) not in found:
            found[month, ALL, node] = sum(
                value for (when, _, of), value in found.items() if (when, of) == (month, node)
            )
    return found
