"""Writes a log's planning extracts (`planning/`): attendance, goals, targets, rates, costs."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import polars as pl

from kpi_warehouse.world.log import MONEY, WorldLog
from kpi_warehouse.world.writers.files import FileFormat, write_frame

FOLDER = "planning"
AGREED_BY = "営業本部長"


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
    Goal("inside_sales", "calls_made", 4_800, False),
    Goal("inside_sales", "connection_rate", 0.36, True),
    Goal("inside_sales", "target_connection_rate", 0.13, True),
    Goal("inside_sales", "connector_rate", 0.10, True),
    Goal("inside_sales", "email_open_rate", 0.30, True),
    Goal("inside_sales", "appointments_set", 150, False),
    Goal("inside_sales", "meetings", 140, False),
    Goal("inside_sales", "permission_rate", 0.40, True),
    Goal("field_sales", "qualified_meetings", 80, False),
    Goal("field_sales", "qualified_meeting_rate", 0.60, True),
    Goal("field_sales", "win_rate", 0.25, True),
    Goal("field_sales", "deals_won", 17, False),
    Goal("field_sales", "won_amount", 34_000_000, False),
)
LEADS_PER_MONTH = 830
"""Leads of a month at the default volume, by which counts scale."""
AVERAGE_DEAL = 2_000_000
BY_CHANNEL = ("web_inquiry", "exhibition", "outbound_list")
"""Channels with targets of their own for leads and meetings."""


def write_planning(log: WorldLog, folder: Path, file_format: FileFormat = "csv") -> dict[str, int]:
    """Writes the log's planning extracts into `folder/planning`.

    Returns:
        Name of each trap that lies in the extracts, and how often it was laid.
    """
    target = folder / FOLDER
    months = plan_months(log)
    scale = monthly_leads(log, months) / LEADS_PER_MONTH
    frames = {
        "attendance": log.attendance.with_columns(hours_source=pl.lit("勤怠システム")),
        "company_holidays": log.company_holidays,
        "fx_rates": log.fx_rates,
        "campaign_costs": log.campaign_costs.select(
            "cost", channel="channel_id", month=pl.col("month").dt.strftime("%Y-%m")
        ).select("channel", "month", "cost"),
        "kgi": kgi(months, scale),
        "targets": targets(months, scale),
    }
    for name, frame in frames.items():
        write_frame(frame, target, name, file_format)
    no_hours = log.attendance.filter(pl.col("working_hours") == 0)
    return {"attendance_of_zero_hours": no_hours.height}


def plan_months(log: WorldLog) -> pl.Series:
    """First days of the planned months: from the first lead to the end of the fiscal year."""
    first = log.leads.select(
        (pl.col("created_at") + pl.duration(hours=9)).dt.date().dt.truncate("1mo").min()
    ).item()
    last = log.as_of_date
    fiscal_end_year = last.year + (last.month > 3)
    return pl.date_range(first, pl.date(fiscal_end_year, 3, 1), "1mo", eager=True)


def monthly_leads(log: WorldLog, months: pl.Series) -> float:
    """Leads per month up to the as_of_date."""
    past = int((months <= log.as_of_date).sum())
    return log.leads.height / max(past, 1)


def targets(months: pl.Series, scale: float) -> pl.DataFrame:
    """Agreed targets by department, KPI and month; some KPIs also by channel (empty: all)."""
    rows = []
    for goal in GOALS:
        value = goal.value if goal.is_rate else max(1.0, round(goal.value * scale))
        rows.append((goal.department, goal.kpi_id, None, value))
        if goal.kpi_id in ("leads_acquired", "meetings"):
            part = max(1.0, round(goal.value * scale * 0.1))
            rows.extend((goal.department, goal.kpi_id, channel, part) for channel in BY_CHANNEL)
    goals = pl.DataFrame(
        rows,
        schema={
            "department": pl.String,
            "kpi_id": pl.String,
            "channel": pl.String,
            "target_value": pl.Float64,
        },
        orient="row",
    )
    return goals.join(pl.DataFrame({"start": months}), how="cross").select(
        *("department", "kpi_id", "channel"),
        month=pl.col("start").dt.strftime("%Y-%m"),
        target_value=pl.col("target_value").cast(pl.Decimal(18, 4)),
        agreed_by=pl.lit(AGREED_BY),
        agreed_on=pl.col("start").dt.offset_by("-14d"),
    )


def kgi(months: pl.Series, scale: float) -> pl.DataFrame:
    """Wanted order amount and average deal by month; the fiscal year is named by its first year."""
    goal = next(goal.value for goal in GOALS if goal.kpi_id == "won_amount")
    amount = round(goal * scale, -4)
    frame = pl.DataFrame({"start": months})
    april_or_later = pl.col("start").dt.month() >= 4
    return frame.select(
        fiscal_year=pl.col("start").dt.year() - (~april_or_later).cast(pl.Int32),
        month=pl.col("start").dt.strftime("%Y-%m"),
        won_amount=pl.lit(amount).cast(MONEY),
        average_deal=pl.lit(AVERAGE_DEAL).cast(MONEY),
    )
