"""Writes a log's planning extracts (`planning/`): attendance, goals, targets, rates, costs.

The plan agrees with itself, but for the cases that are planted in it to be found.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path

import polars as pl

from kpi_warehouse.world.log import MONEY, WorldLog
from kpi_warehouse.world.writers.files import FileFormat, write_frame

FOLDER = "planning"
AGREED_BY = "営業本部長"
AGREED_BEFORE_YEAR = timedelta(days=14)
"""How long before its fiscal year the plan of a month is agreed on."""


@dataclass(frozen=True)
class Goal:
    """A monthly target of a department.

    Attributes:
        value: Per month; a rate, or a count at the default volume.
        is_rate: Rates do not grow with the volume.
    """

    department: str
    kpi_id: str
    value: float
    is_rate: bool


GOALS = (
    Goal("marketing", "leads_acquired", 880, False),
    Goal("inside_sales", "leads_acquired", 850, False),
    Goal("inside_sales", "calls_made", 4_800, False),
    Goal("inside_sales", "connection_rate", 0.36, True),
    Goal("inside_sales", "target_connection_rate", 0.13, True),
    Goal("inside_sales", "connector_rate", 0.10, True),
    Goal("inside_sales", "email_open_rate", 0.30, True),
    Goal("inside_sales", "appointments_set", 150, False),
    Goal("inside_sales", "meetings", 140, False),
    Goal("inside_sales", "permission_rate", 0.40, True),
    Goal("field_sales", "meetings", 140, False),
    Goal("field_sales", "qualified_meetings", 80, False),
    Goal("field_sales", "qualified_meeting_rate", 0.60, True),
    Goal("field_sales", "win_rate", 0.25, True),
    Goal("field_sales", "deals_won", 18, False),
    Goal("field_sales", "won_amount", 34_000_000, False),
)
LEADS_PER_MONTH = 830
"""Leads of a month at the default volume, by which counts scale."""
AVERAGE_DEAL = 2_000_000
BY_CHANNEL = ("web_inquiry", "exhibition", "outbound_list")
"""Channels with targets of their own for leads and meetings."""
CHANNEL_PART = 0.1
SMALLEST_TOTAL = 10
"""Of what has targets by channel, so that these fit into it in the smallest world."""

# of the planted cases; the last months of the plan, counted from its end
OUT_OF_REACH, RATE_CONFLICT, CHANNELS_ABOVE_TOTAL, GOAL_MISSED, HANDOVER, SUPPLY = range(1, 7)
CONFLICTING_MONTHS = 6
OUT_OF_REACH_TIMES = 4
"""How many times the usual goal is out of reach."""
MISSED_BY = 0.9
SUPPLIED, LEFT_OUT = 100, 20
"""Leads of a channel at the default volume: supplied where twice as many are to be worked, and to
be worked where none are supplied."""
LEFT_OUT_CHANNEL = "webinar"
NOT_HANDED_OVER = 20
RATE_ASKED_FOR = 0.3
SET_AGAIN = 1.2
SHARE_TO_REVIEW = 0.699
"""Shown as 69.9 %, and below the 70 % at which a target has to be reviewed."""


@dataclass(frozen=True)
class Target:
    """A row of planning/targets; a channel of None is all of them."""

    department: str
    kpi_id: str
    channel: str | None
    month: date
    value: float
    agreed_on: date

    @property
    def key(self) -> tuple[str, str, str | None, date]:
        """What a later row of the same key replaces."""
        return self.department, self.kpi_id, self.channel, self.month


@dataclass(frozen=True)
class Plan:
    """Targets and goals of all planned months.

    Attributes:
        targets, kgi: the extracts.
        traps: name of each planted case, and how often it was planted; the smallest worlds have no
            room for some.
    """

    targets: pl.DataFrame
    kgi: pl.DataFrame
    traps: dict[str, int]


def write_planning(log: WorldLog, folder: Path, file_format: FileFormat = "csv") -> dict[str, int]:
    """Writes the log's planning extracts into `folder/planning`.

    Returns:
        Name of each trap that lies in the extracts, and how often it was laid.
    """
    target = folder / FOLDER
    plan = make_plan(log)
    frames = {
        "attendance": log.attendance.with_columns(hours_source=pl.lit("勤怠システム")),
        "company_holidays": log.company_holidays,
        "fx_rates": log.fx_rates,
        "campaign_costs": log.campaign_costs.select(
            "cost", channel="channel_id", month=pl.col("month").dt.strftime("%Y-%m")
        ).select("channel", "month", "cost"),
        "kgi": plan.kgi,
        "targets": plan.targets,
    }
    for name, frame in frames.items():
        write_frame(frame, target, name, file_format)
    no_hours = log.attendance.filter(pl.col("working_hours") == 0)
    return {"attendance_of_zero_hours": no_hours.height} | plan.traps


def make_plan(log: WorldLog) -> Plan:
    """The targets and goals that go with a log, with the planted cases."""
    months = plan_months(log)
    scale = _monthly_leads(log, months) / LEADS_PER_MONTH
    amounts = dict.fromkeys(months, _goal_amount(scale))
    draft = _Draft([target for month in months for target in _usual_targets(month, scale)])
    traps = (
        _plant_conflicts(draft, amounts, months, scale)
        | _plant_attainments(draft, log, months)
        | _plant_versions(draft, log)
        | _plant_invalid_targets(draft, months)
    )
    return Plan(_targets_frame(draft.targets), _kgi_frame(amounts), traps)


def plan_months(log: WorldLog) -> list[date]:
    """First days of the planned months: from the first lead to the end of the fiscal year."""
    first = log.leads.select(_created_on().dt.truncate("1mo").min()).item()
    last = log.as_of_date
    fiscal_end_year = last.year + (last.month > 3)
    return pl.date_range(first, pl.date(fiscal_end_year, 3, 1), "1mo", eager=True).to_list()


class _Draft:
    """Targets, which can be changed before they are written."""

    def __init__(self, targets: Sequence[Target]) -> None:
        self._by_key = {target.key: target for target in targets}
        self._more: list[Target] = []

    @property
    def targets(self) -> list[Target]:
        return [*self._by_key.values(), *self._more]

    def value(self, department: str, kpi_id: str, channel: str | None, month: date) -> float:
        return self._by_key[department, kpi_id, channel, month].value

    def put(
        self, department: str, kpi_id: str, channel: str | None, month: date, value: float
    ) -> None:
        """Set a target, in the place of the usual one if there is one."""
        target = Target(department, kpi_id, channel, month, value, agreed_on(month))
        self._by_key[target.key] = target

    def add(self, target: Target) -> None:
        """Add a row beside that of the same key."""
        self._more.append(target)


def agreed_on(month: date) -> date:
    """When the plan of a month is agreed on: before its fiscal year."""
    return date(month.year - (month.month < 4), 4, 1) - AGREED_BEFORE_YEAR


def _created_on() -> pl.Expr:
    return (pl.col("created_at") + pl.duration(hours=9)).dt.date()


def _monthly_leads(log: WorldLog, months: Sequence[date]) -> float:
    past = sum(month <= log.as_of_date for month in months)
    return log.leads.height / max(past, 1)


def _goal_amount(scale: float) -> float:
    goal = next(goal.value for goal in GOALS if goal.kpi_id == "won_amount")
    return round(goal * scale, -4)


def _usual_targets(month: date, scale: float) -> list[Target]:
    """What every month has: totals, and of some KPIs targets by channel."""
    found = []
    for goal in GOALS:
        has_channels = goal.kpi_id in ("leads_acquired", "meetings")
        value = goal.value
        if goal.kpi_id == "won_amount":
            value = _goal_amount(scale)
        elif goal.kpi_id == "deals_won":
            value = math.ceil(_goal_amount(scale) / AVERAGE_DEAL)
        elif not goal.is_rate:
            value = max(SMALLEST_TOTAL if has_channels else 1, round(goal.value * scale))
        values = {None: value}
        if has_channels:
            values |= dict.fromkeys(BY_CHANNEL, _scaled(goal.value * CHANNEL_PART, scale))
        found += [
            Target(goal.department, goal.kpi_id, channel, month, each, agreed_on(month))
            for channel, each in values.items()
        ]
    return found


def _scaled(count: float, scale: float) -> int:
    return max(1, round(count * scale))


def _plant_conflicts(
    draft: _Draft, amounts: dict[date, float], months: Sequence[date], scale: float
) -> dict[str, int]:
    """Goals out of reach and targets that contradict each other, one case a month."""
    names = (
        *("goal_out_of_reach", "target_rate_conflict", "target_channels_above_total"),
        *("target_below_goal", "target_handover_conflict", "target_supply_conflict"),
        "target_supply_left_out",
    )
    if len(months) < CONFLICTING_MONTHS:
        return dict.fromkeys(names, 0)
    planted = dict.fromkeys(names, 1)

    month = months[-OUT_OF_REACH]
    amounts[month] *= OUT_OF_REACH_TIMES
    draft.put("field_sales", "won_amount", None, month, amounts[month])

    month = months[-RATE_CONFLICT]
    draft.put("field_sales", "win_rate_of_qualified", None, month, RATE_ASKED_FOR)
    asked_for = math.floor(
        RATE_ASKED_FOR * draft.value("field_sales", "qualified_meetings", None, month)
    )
    won = draft.value("field_sales", "deals_won", None, month)
    planted["target_rate_conflict"] = int(won < asked_for)

    month = months[-CHANNELS_ABOVE_TOTAL]
    total = draft.value("marketing", "leads_acquired", None, month)
    draft.put("marketing", "leads_acquired", BY_CHANNEL[1], month, total)

    month = months[-GOAL_MISSED]
    draft.put("field_sales", "won_amount", None, month, round(amounts[month] * MISSED_BY, -3))

    month = months[-HANDOVER]
    expected = draft.value("inside_sales", "meetings", None, month)
    expected += _scaled(NOT_HANDED_OVER, scale)
    draft.put("field_sales", "meetings", None, month, expected)

    month = months[-SUPPLY]
    supplied = _scaled(SUPPLIED, scale)
    draft.put("marketing", "leads_acquired", BY_CHANNEL[1], month, supplied)
    draft.put("inside_sales", "leads_acquired", BY_CHANNEL[1], month, 2 * supplied)
    left_out = _scaled(LEFT_OUT, scale)
    draft.put("inside_sales", "leads_acquired", LEFT_OUT_CHANNEL, month, left_out)
    return planted


def _plant_attainments(draft: _Draft, log: WorldLog, months: Sequence[date]) -> dict[str, int]:
    """Marketing gets targets that its leads attained to 69.9 % and to exactly 70 %."""
    created = log.leads.filter(~pl.col("is_deleted")).select(_created_on().alias("day"))
    counts = dict(created.group_by(pl.col("day").dt.truncate("1mo")).len().iter_rows())
    over = [
        month
        for month in reversed(months[:-CONFLICTING_MONTHS])
        if (month.replace(day=28) + timedelta(days=4)).replace(day=1) <= _day_after(log)
    ]
    chosen: dict[str, tuple[date, int]] = {}
    for month in over:
        leads = counts.get(month, 0)
        # the fewest leads of which these are 69.9 %, rounded
        wanted = math.ceil(leads / (SHARE_TO_REVIEW + 0.0005))
        if "69_9" not in chosen and leads and round(leads / wanted, 3) == SHARE_TO_REVIEW:
            chosen["69_9"] = month, wanted
        elif "70" not in chosen and leads and leads % 7 == 0:
            chosen["70"] = month, leads * 10 // 7
    for month, wanted in chosen.values():
        draft.put("marketing", "leads_acquired", None, month, wanted)
    return {f"target_attained_to_{share}_percent": int(share in chosen) for share in ("69_9", "70")}


def _day_after(log: WorldLog) -> date:
    return log.as_of_date + timedelta(days=1)


def _plant_versions(draft: _Draft, log: WorldLog) -> dict[str, int]:
    """A target is set again before its year, and once more after the last day that is in."""
    month = log.as_of_date.replace(day=1)
    usual = draft.value("inside_sales", "appointments_set", None, month)
    first = Target("inside_sales", "appointments_set", None, month, usual, agreed_on(month))
    again = round(usual * SET_AGAIN)
    draft.add(replace(first, value=again, agreed_on=first.agreed_on + timedelta(days=7)))
    draft.add(replace(first, value=2 * again, agreed_on=_day_after(log)))
    return {"target_set_again": 1, "target_agreed_after_as_of_date": 1}


def _plant_invalid_targets(draft: _Draft, months: Sequence[date]) -> dict[str, int]:
    """Rows that cannot be targets, in the last month; each is agreed on after the usual ones."""
    month = months[-1]
    later = agreed_on(month) + timedelta(days=1)
    draft.add(Target("field_sales", "deals_lost", None, month, 10, later))
    draft.add(Target("inside_sales", "connection_rate", None, month, 36, later))
    draft.add(Target("営業企画部", "meetings", None, month, 50, later))
    return {
        "target_of_kpi_without_targets": 1,
        "target_rate_in_percent": 1,
        "target_of_unknown_department": 1,
    }


def _targets_frame(targets: Sequence[Target]) -> pl.DataFrame:
    """An empty channel is all of them."""
    schema = {
        "department": pl.String,
        "kpi_id": pl.String,
        "channel": pl.String,
        "month": pl.Date,
        "target_value": pl.Float64,
        "agreed_on": pl.Date,
    }
    rows = [(*target.key, float(target.value), target.agreed_on) for target in targets]
    return pl.DataFrame(rows, schema, orient="row").select(
        *("department", "kpi_id", "channel"),
        pl.col("month").dt.strftime("%Y-%m"),
        pl.col("target_value").cast(pl.Decimal(18, 4)),
        agreed_by=pl.lit(AGREED_BY),
        agreed_on="agreed_on",
    )


def _kgi_frame(amounts: dict[date, float]) -> pl.DataFrame:
    """Wanted order amount and average deal by month; the fiscal year is named by its first year."""
    frame = pl.DataFrame({"start": list(amounts), "won_amount": list(amounts.values())})
    april_or_later = pl.col("start").dt.month() >= 4
    return frame.select(
        fiscal_year=pl.col("start").dt.year() - (~april_or_later).cast(pl.Int32),
        month=pl.col("start").dt.strftime("%Y-%m"),
        won_amount=pl.col("won_amount").cast(MONEY),
        average_deal=pl.lit(AVERAGE_DEAL).cast(MONEY),
    )
