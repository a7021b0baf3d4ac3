"""Who works in the world: inside sales (SDR and BDR), field sales, marketing; some change teams."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import polars as pl
from numpy.typing import NDArray

from kpi_warehouse.world.clock import EPOCH, Calendar, Days, japan_day
from kpi_warehouse.world.log import HOURS, SCHEMAS
from kpi_warehouse.world.randomness import chance, pick
from kpi_warehouse.world.rates import Rates

SDR_TEAM, BDR_TEAM = "インサイドセールス部 SDRチーム", "インサイドセールス部 BDRチーム"
FIELD_TEAMS = ("フィールドセールス部 東日本", "フィールドセールス部 西日本")
FAMILY_NAMES = (
    *("佐藤", "鈴木", "高橋", "田中", "伊藤", "渡辺", "山本", "中村", "小林", "加藤"),
    *("吉田", "山田", "髙橋", "山口", "松本", "井上", "木村", "林", "斎藤", "清水"),
)
GIVEN_NAMES = (
    *("陽菜", "蓮", "結衣", "大翔", "葵", "湊", "さくら", "悠真", "凛", "樹"),
    *("美咲", "翔太", "彩", "健太", "真由", "直樹", "恵"),
)
SUBSTITUTES_ASKED = 3
"""How many colleagues are asked to stand in for an absent one before the work is done anyway."""
PLANTED_DAYS = 3
"""Rep-days with calls but without hours, beside those that leave brings about."""
ROW_ABSENT = 0
"""The planted day that has no attendance row; the others have one with zero hours."""


@dataclass(frozen=True)
class People:
    """Reps are numbers: SDR first, then BDR, then field sales.

    Attributes:
        users: The log's frame of users.
        ids: User id by rep number.
        sdr, bdr, field: Head counts.
        marketing_id: Id of the marketing user, who changes lead statuses.
        on_duty: Inside rep × day of the calendar: works on that day.
        mover: The BDR rep who goes to field sales (-1: nobody does).
        moved_on: Day number from which the mover is in field sales.
    """

    users: pl.DataFrame
    ids: pl.Series
    sdr: int
    bdr: int
    field: int
    marketing_id: str
    on_duty: NDArray[np.bool_]
    mover: int
    moved_on: int

    @property
    def inside(self) -> int:
        """Head count of inside sales."""
        return self.sdr + self.bdr


def user_name(number: int) -> str:
    """A name; the first 340 differ."""
    family = FAMILY_NAMES[number % len(FAMILY_NAMES)]
    return f"{family} {GIVEN_NAMES[number % len(GIVEN_NAMES)]}"


def to_date(day: int) -> date:
    """The date of a day number."""
    return EPOCH + timedelta(days=day)


def hire(rng: np.random.Generator, calendar: Calendar, rates: Rates, scale: float) -> People:
    """Staffs the world; head counts grow with `scale` (1 = the rates' reference volume)."""
    volume = rates.tables["volume"]
    sdr, bdr, field = (
        max(1, round(volume[name] * scale)) for name in ("sdr_reps", "bdr_reps", "field_reps")
    )
    span = calendar.as_of_day - calendar.first_day
    team_change, moved_on = calendar.first_day + span // 2, calendar.first_day + span * 2 // 3
    joined = calendar.first_day + span // 4
    mover = sdr + bdr - 1 if bdr > 1 else -1
    ids = (
        [f"0{1001 + n}" for n in range(sdr + bdr)]
        + [f"0{5001 + n}" for n in range(field)]
        + ["09001", "09101"]
    )

    rows: list[tuple[str, str, str, str, date | None, date | None]] = []
    for number, user_id in enumerate(ids[:-2]):
        name, start = user_name(number), to_date(calendar.first_day) if number % 2 else None
        if number == sdr - 1:
            split = to_date(team_change)
            rows.append((user_id, name, SDR_TEAM, "inside_sales", start, split - timedelta(days=1)))
            rows.append((user_id, name, BDR_TEAM, "inside_sales", split, None))
        elif number == mover:
            split = to_date(moved_on)
            rows.append((user_id, name, BDR_TEAM, "inside_sales", start, split - timedelta(days=1)))
            rows.append((user_id, name, FIELD_TEAMS[0], "field_sales", split, None))
        elif number < sdr + bdr:
            if number == 1 and sdr > 2:
                start = to_date(joined)
            team = SDR_TEAM if number < sdr else BDR_TEAM
            rows.append((user_id, name, team, "inside_sales", start, None))
        else:
            rows.append((user_id, name, FIELD_TEAMS[number % 2], "field_sales", start, None))
    rows.append((ids[-2], user_name(len(ids)), "マーケティング部", "marketing", None, None))
    rows.append((ids[-1], user_name(len(ids) + 1), "CS部", "customer_success", None, None))

    days = calendar.last_day - calendar.first_day + 1
    absent = chance(rng, rates.tables["attendance"]["absent"], (sdr + bdr) * days)
    on_duty = ~absent.reshape(sdr + bdr, days)
    if mover >= 0:
        on_duty[mover, moved_on - calendar.first_day :] = False
    if sdr > 2:
        on_duty[1, : joined - calendar.first_day] = False
    users = pl.DataFrame(rows, schema=SCHEMAS["users"], orient="row")
    return People(
        users=users.sort("user_id", "active_from", nulls_last=False),
        ids=pl.Series(ids[:-2]),
        sdr=sdr,
        bdr=bdr,
        field=field,
        marketing_id=ids[-2],
        on_duty=on_duty,
        mover=mover,
        moved_on=moved_on,
    )


def next_colleague(people: People, rep: NDArray[np.int64]) -> NDArray[np.int64]:
    """The next inside rep of the same team, in a ring."""
    base = np.where(rep < people.sdr, 0, people.sdr)
    size = np.where(rep < people.sdr, people.sdr, people.bdr)
    return base + (rep - base + 1) % size


def on_duty_rep(
    people: People, calendar: Calendar, rep: NDArray[np.int64], day: Days
) -> NDArray[np.int64]:
    """The rep who does the work of `rep` on a day: the rep, or a colleague standing in."""
    offset = np.clip(day - calendar.first_day, 0, people.on_duty.shape[1] - 1)
    for _ in range(SUBSTITUTES_ASKED):
        rep = np.where(people.on_duty[rep, offset], rep, next_colleague(people, rep))
    return rep


def field_rep(
    rng: np.random.Generator, people: People, calendar: Calendar, moment: NDArray[np.int64]
) -> NDArray[np.int64]:
    """A field-sales rep for each moment; the mover is one of them once moved."""
    choice = rng.integers(0, people.field + 1, moment.size)
    moved = (people.mover >= 0) & (japan_day(moment) >= people.moved_on)
    extra = np.where(moved, people.mover, people.inside)
    return np.where(choice == people.field, extra, people.inside + choice)


def attendance(
    rng: np.random.Generator,
    people: People,
    calendar: Calendar,
    rates: Rates,
    calls: pl.DataFrame,
) -> pl.DataFrame:
    """Hours of every inside rep and business day; no row on most days of leave.

    On `PLANTED_DAYS` days a rep called all the same: hours are 0 or the row is absent.

    Args:
        calls: Frame with `rep` and `day` of every outbound dial.
    """
    setup = rates.tables["attendance"]
    rep, position = (
        axis.ravel()
        for axis in np.meshgrid(
            np.arange(people.inside), np.arange(calendar.business_days.size), indexing="ij"
        )
    )
    day = calendar.business_days[position]
    present = people.on_duty[rep, day - calendar.first_day]
    whole_day = np.array(setup["hours"])[pick(rng, np.ones(len(setup["hours"])), rep.size)]
    hours = np.where(chance(rng, setup["half_day"], rep.size), 4.0, whole_day)
    rows = pl.DataFrame({"rep": rep, "day": day, "present": present, "hours": hours})
    busiest = (
        calls.join(rows.filter("present"), on=["rep", "day"], how="semi")
        .group_by("rep", "day")
        .len()
        .sort("len", "rep", "day", descending=[True, False, False])
        .head(PLANTED_DAYS)
        .with_row_index("planted")
        .select("rep", "day", "planted")
    )
    kept = (
        rows.with_columns(on_leave_list=chance(rng, setup["leave_listed"], rep.size))
        .join(busiest, on=["rep", "day"], how="left", maintain_order="left")
        .filter(
            (pl.col("present") | pl.col("on_leave_list")) & pl.col("planted").ne_missing(ROW_ABSENT)
        )
    )
    hours_worked = pl.when(pl.col("present") & pl.col("planted").is_null()).then("hours")
    return kept.select(
        rep_id=people.ids.gather(kept["rep"]),
        work_date=pl.col("day").cast(pl.Int32).cast(pl.Date),
        working_hours=hours_worked.otherwise(0.0).cast(HOURS),
    ).sort("rep_id", "work_date")
