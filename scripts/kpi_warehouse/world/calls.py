"""Calls beside the cadence: incoming ones, numbers without a lead, tests, and month boundaries."""

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.typing import NDArray

from kpi_warehouse.world.approaches import (
    CALL,
    GATEKEEPER,
    MINIMUM_GAP,
    NOBODY,
    TARGET,
    World,
    call_times,
    conversation,
    person_reached,
)
from kpi_warehouse.world.clock import NEVER, Seconds, japan_day, utc_seconds, working_seconds
from kpi_warehouse.world.people import on_duty_rep
from kpi_warehouse.world.randomness import chance, pick

CALL_COLUMNS = (
    *("lead", "rep", "direction", "at", "ringing", "talking", "person", "information", "need"),
    *("is_countable", "booked"),
)
"""Columns of every frame of calls before the log is assembled."""
CALLS_PER_BOUNDARY = 2
"""Dials planted in the last second before and the first second of each month (JST)."""


def dials(approaches: pl.DataFrame) -> pl.DataFrame:
    """The dials among the approaches."""
    return approaches.filter(pl.col("kind") == CALL).select(
        *("lead", "rep"),
        pl.lit("outbound").alias("direction"),
        *("at", "ringing", "talking", "person", "information", "need"),
        pl.lit(True).alias("is_countable"),
        "booked",
    )


def make_calls(
    world: World,
    topic: str,
    lead: NDArray[np.int64],
    rep: NDArray[np.int64],
    at: Seconds,
    person: NDArray[np.int64],
    channel: NDArray[np.int64],
    direction: str,
) -> pl.DataFrame:
    """A frame of countable calls without a booking; talks with the target as in the cadence."""
    rng, rates = world.rng(topic), world.rates
    answers = chance(rng, rates.tables["calls"]["machine_answers"], at.size)
    ringing, talking = call_times(rng, person, answers)
    information, need = conversation(rng, rates, channel)
    return pl.DataFrame(
        {
            "lead": lead,
            "rep": rep,
            "direction": pl.Series([direction], dtype=pl.String).new_from_index(0, at.size),
            "at": at,
            "ringing": ringing,
            "talking": talking,
            "person": person,
            "information": information & (person == TARGET),
            "need": need & (person == TARGET),
            "is_countable": np.ones(at.size, dtype=bool),
            "booked": np.full(at.size, NEVER),
        },
        schema_overrides={"lead": pl.Int64, "rep": pl.Int64},
    ).filter(pl.col("at") < world.calendar.end)


def random_working_moments(world: World, rng: np.random.Generator, size: int) -> Seconds:
    """Moments in working hours, anywhere in the world's time."""
    days = world.calendar.business_days
    day = days[rng.integers(0, days.size, size)]
    return utc_seconds(day, working_seconds(rng, world.rates, size))


def inbound_calls(world: World, approaches: pl.DataFrame) -> pl.DataFrame:
    """Call-backs some time after a dial, and the calls that leads of `inbound_call` came from."""
    rng, rates, leads = world.rng("inbound_calls"), world.rates, world.leads
    setup = rates.tables["calls"]
    dialled = approaches.filter((pl.col("kind") == CALL) & (pl.col("person") >= GATEKEEPER))
    back = dialled.filter(
        pl.Series(chance(rng, setup["refusal_recall"], dialled.height), dtype=pl.Boolean)
    )
    later = japan_day(back["at"].to_numpy()) + rng.integers(1, 12, back.height)
    back_day = world.calendar.business_day(world.calendar.position(later))
    back_at = utc_seconds(back_day, working_seconds(rng, rates, back.height))
    caller = np.flatnonzero(leads.channel == rates.position("inbound_call"))
    first_at = leads.created[caller] - rng.integers(MINIMUM_GAP, 2 * MINIMUM_GAP, caller.size)

    lead = np.concatenate([back["lead"].to_numpy(), caller])
    at = np.concatenate([back_at, first_at])
    channel = leads.channel[lead]
    rep = on_duty_rep(world.people, world.calendar, leads.rep[lead], japan_day(at))
    person = np.where(chance(rng, setup["inbound_missed"], lead.size), NOBODY, TARGET)
    calls = make_calls(world, "inbound_calls/talk", lead, rep, at, person, channel, "inbound")
    books = (calls["person"] == TARGET).to_numpy() & chance(
        rng, setup["inbound_booking"], calls.height
    )
    until = pl.col("at") + pl.col("ringing") + pl.col("talking")
    return calls.with_columns(
        booked=pl.when(pl.Series(books)).then(until).otherwise(NEVER),
        information=pl.col("information") | pl.Series(books),
        need=pl.col("need") | pl.Series(books),
    )


def apart_from(calls: pl.DataFrame, approaches: pl.DataFrame) -> pl.DataFrame:
    """Calls that are not within `MINIMUM_GAP` of an approach or another of these calls."""
    both = pl.concat(
        [
            calls.with_row_index("row").select("row", "lead", "at"),
            approaches.select(pl.lit(None, dtype=pl.UInt32).alias("row"), "lead", "at"),
        ]
    ).sort("lead", "at", "row")
    near = [
        (pl.col("lead") == pl.col("lead").shift(step))
        & ((pl.col("at") - pl.col("at").shift(step)).abs() < MINIMUM_GAP)
        for step in (1, -1)
    ]
    lonely = both.filter(~pl.any_horizontal(*near).fill_null(False), pl.col("row").is_not_null())
    return calls.with_row_index("row").join(lonely, on="row", how="semi").drop("row")


def calls_without_lead(world: World, outbound: int) -> pl.DataFrame:
    """Dials of numbers no lead has, dials in the seconds around month ends, and calls that never
    count (internal, test, monitoring).

    Args:
        outbound: Number of dials of the cadence, from which the shares are taken.
    """
    rng, rates, people = world.rng("calls_without_lead"), world.rates, world.people
    setup, calendar = rates.tables["calls"], world.calendar
    frames = []
    for topic in ("no_lead", "not_countable"):
        size = round(setup[topic] * outbound)
        at = random_working_moments(world, rng, size)
        rep = on_duty_rep(people, calendar, rng.integers(0, people.inside, size), japan_day(at))
        channel = pick(rng, rates.by_channel["share"], size)
        person = person_reached(rng, rates, channel)
        nobody = np.full(size, -1)
        frames.append(make_calls(world, topic, nobody, rep, at, person, channel, "outbound"))
    frames[1] = frames[1].with_columns(
        is_countable=pl.lit(False), information=pl.lit(False), need=pl.lit(False)
    )

    month = np.repeat(calendar.month_starts, CALLS_PER_BOUNDARY)
    at = utc_seconds(month, 0) - np.arange(month.size) % CALLS_PER_BOUNDARY
    rep = rng.integers(0, people.inside, month.size)
    channel = pick(rng, rates.by_channel["share"], month.size)
    person = person_reached(rng, rates, channel)
    nobody = np.full(month.size, -1)
    boundary = make_calls(world, "boundary", nobody, rep, at, person, channel, "outbound")
    planted = min(boundary.height, max(1, outbound // 50))
    return pl.concat([*frames, boundary.head(planted)])
