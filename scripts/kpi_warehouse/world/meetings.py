"""Appointments, field sales' judgement of them, and the hand-over of leads."""

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.typing import NDArray

from kpi_warehouse.world.approaches import World
from kpi_warehouse.world.clock import DAY, HOUR, NEVER, japan_day, utc_seconds, working_seconds
from kpi_warehouse.world.people import field_rep, next_colleague
from kpi_warehouse.world.randomness import chance, whole

Moves = NDArray[np.int64]

SLOT = HOUR // 2
"""Meetings start on the hour or half past."""


def appointments(world: World, bookings: pl.DataFrame) -> pl.DataFrame:
    """One row per booking: who booked it, when it starts, how it ended, what field sales said.

    Args:
        bookings: lead, rep (who made the approach), booked; in a fixed order.

    Returns:
        lead, channel, booker, booked, starts, moves, outcome, judged, is_qualified.
    """
    rng, rates, calendar = world.rng("appointments"), world.rates, world.calendar
    setup, size = rates.tables["appointments"], bookings.height
    lead, rep, booked = (bookings[name].to_numpy() for name in ("lead", "rep", "booked"))
    channel = world.leads.channel[lead]
    soonest, latest = setup["lead_days"]
    position = calendar.position(japan_day(booked)) + rng.integers(soonest, latest + 1, size)
    starts = utc_seconds(
        calendar.business_day(position), 10 * HOUR + SLOT * rng.integers(0, 16, size)
    )
    draw = rng.random(size)
    held_share = rates.channel("held", channel)
    outcome = np.select(
        [starts >= calendar.end, draw < held_share, draw < held_share + setup["no_show"]],
        ["", "held", "no_show"],
        "cancelled",
    )

    days = 1 + whole(rng.exponential(setup["judge_days"] - 1, size))
    decision_day = calendar.business_day(calendar.position(japan_day(starts)) + days)
    decided = utc_seconds(decision_day, working_seconds(rng, rates, size))
    month_end = utc_seconds(calendar.next_month_start(japan_day(starts)), 0)
    month_end -= rng.integers(0, 2, size)
    near = (month_end - starts < 20 * DAY) & chance(rng, setup["judged_at_month_end"], size)
    decided = np.where(near, month_end, decided)
    is_judged = (outcome == "held") & chance(rng, setup["judged"], size) & (decided < calendar.end)

    other = chance(rng, setup["other_booker"], size)
    colleague = np.where(
        chance(rng, 0.5, size),
        next_colleague(world.people, np.minimum(rep, world.people.inside - 1)),
        field_rep(rng, world.people, calendar, booked),
    )
    is_qualified = is_judged & chance(rng, rates.channel("qualified", channel), size)
    return pl.DataFrame(
        {
            "lead": lead,
            "channel": channel,
            "booker": np.where(other, colleague, rep),
            "booked": booked,
            "starts": starts,
            "moves": moves(world, booked, starts),
            "outcome": pl.Series(outcome, dtype=pl.String),
            "judged": np.where(is_judged, decided, NEVER),
            "is_qualified": is_qualified,
        }
    ).with_columns(outcome=pl.col("outcome").replace("", None))


def moves(world: World, booked: NDArray[np.int64], starts: NDArray[np.int64]) -> Moves:
    """How often each appointment was moved: a third and two thirds of the way to its start.

    One that is booked by the as_of_date is not moved after it: its start as of that date would be
    another one than the log's.
    """
    rng, setup, size = world.rng("moves"), world.rates.tables["appointments"], booked.size
    end = world.calendar.as_of_end
    may_move = (booked + (starts - booked) * 2 // 3 < end) | (booked >= end)
    first = may_move & chance(rng, setup["moved"], size)
    second = first & chance(rng, setup["moved_again"], size)
    return first.astype(np.int64) + second


def hand_overs(world: World, meetings: pl.DataFrame) -> pl.DataFrame:
    """Leads handed over to field sales (lead, handed_over, field, is_direct), each once.

    Most follow a qualified meeting; some good leads go to field sales directly.
    """
    rng, rates, calendar = world.rng("hand_overs"), world.rates, world.calendar
    qualified = (
        meetings.filter("is_qualified")
        .group_by("lead")
        .agg(handed_over=pl.col("judged").min())
        .sort("lead")
    )
    share = rates.tables["leads"]["handed_over"]
    by_meeting = qualified.filter(
        pl.Series(chance(rng, share, qualified.height), dtype=pl.Boolean)
    ).with_columns(is_direct=pl.lit(False))
    size = len(world.leads)
    chosen = np.flatnonzero(chance(rng, rates.channel("direct", world.leads.channel), size))
    wait = 2 * HOUR + whole(rng.exponential(3 * DAY, chosen.size))
    direct = (
        pl.DataFrame({"lead": chosen, "handed_over": world.leads.created[chosen] + wait})
        .with_columns(is_direct=pl.lit(True))
        .join(by_meeting, on="lead", how="anti", maintain_order="left")
    )
    both = pl.concat([by_meeting, direct]).filter(pl.col("handed_over") < calendar.end)
    both = both.sort("lead")
    moment = both["handed_over"].to_numpy()
    return both.with_columns(field=field_rep(rng, world.people, calendar, moment))
