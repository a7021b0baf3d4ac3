"""The approaches to the leads: a cadence of dials, 1:1 mails and touches per engagement cycle.

Event frames hold numbers until the log is assembled: `lead` (position, -1 none), `rep` (number),
moments in whole seconds. Approaches of one lead lie at least `MINIMUM_GAP` apart, but for redials.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from kpi_warehouse.world.clock import (
    CLOSING,
    DAY,
    HOUR,
    NEVER,
    OPENING,
    Calendar,
    Days,
    Seconds,
    demand,
    japan_day,
    japan_second,
    utc_seconds,
    working_seconds,
)
from kpi_warehouse.world.people import People, on_duty_rep
from kpi_warehouse.world.prospects import Leads
from kpi_warehouse.world.randomness import chance, generator, pick, pick_by_row, whole
from kpi_warehouse.world.rates import APPROACH_KINDS, MOTIONS, Rates

NOBODY, MACHINE, GATEKEEPER, OTHER, TARGET = range(5)
PERSONS = (None, "machine", "gatekeeper", "other", "target")
"""Who answered a call; positions are the codes above."""
CALL, MAIL, DM = (APPROACH_KINDS.index(kind) for kind in ("call", "one_to_one", "dm"))
MINIMUM_GAP = 600
"""Seconds between two contacts of one lead, so that no pairing of calls can be ambiguous."""
REDIAL_AFTER = (25, 55)
"""Seconds from a dial to its redial."""


@dataclass(frozen=True)
class World:
    """What every part of the simulation needs."""

    seed: int
    calendar: Calendar
    rates: Rates
    people: People
    leads: Leads

    def rng(self, topic: str) -> np.random.Generator:
        """The generator of a topic."""
        return generator(self.seed, topic)


def group_starts(counts: NDArray[np.int64]) -> NDArray[np.int64]:
    """For each row of groups laid end to end: the row where its group starts."""
    return np.repeat(np.cumsum(counts) - counts, counts)


def planned_counts(
    rng: np.random.Generator, rates: Rates, channel: NDArray[np.int64], is_target: NDArray[np.bool_]
) -> NDArray[np.int64]:
    """Approaches planned per lead: geometric with the channel's mean, half for non-targets."""
    mean = rates.channel("attempts", channel) * np.where(is_target, 1.0, 0.5)
    planned = np.minimum(rng.geometric(1 / np.maximum(mean, 1.0)), rates.tables["cadence"]["most"])
    untouched = chance(rng, rates.channel("untouched", channel), channel.size)
    return np.where(untouched, 0, planned)


def first_moments(
    rng: np.random.Generator,
    calendar: Calendar,
    rates: Rates,
    channel: NDArray[np.int64],
    available: Seconds,
) -> Seconds:
    """The first approach after a lead is there: after the channel's delay, in working hours."""
    delay = rates.channel("response_hours", channel) * np.exp(rng.normal(0, 0.9, channel.size))
    wanted = available + 60 + whole(delay * HOUR)
    day, second = japan_day(wanted), japan_second(wanted)
    is_open = calendar.is_business_day(day) & (second >= OPENING) & (second < CLOSING)
    next_day = calendar.business_day(calendar.position(day + (second >= OPENING)))
    morning = OPENING + whole(rng.random(channel.size) ** 2 * 5 * HOUR)
    return np.where(is_open, wanted, utc_seconds(next_day, morning))


def cadence_seconds(
    rng: np.random.Generator, calendar: Calendar, rates: Rates, day: Days
) -> Seconds:
    """Second of the day of a planned approach: working hours, some late, month starts early."""
    hours = rates.tables["hours"]
    second = working_seconds(rng, rates, day.size)
    late = CLOSING + whole(rng.random(day.size) * 2 * HOUR)
    early = OPENING - 1 - whole(rng.random(day.size) * HOUR / 2)
    month_start = calendar.business_day(calendar.position(calendar.month_starts))
    is_month_start = np.isin(day, month_start)
    second = np.where(chance(rng, hours["late_share"], day.size), late, second)
    return np.where(is_month_start & chance(rng, hours["early_share"], day.size), early, second)


def plan(world: World, topic: str, lead: NDArray[np.int64], available: Seconds) -> pl.DataFrame:
    """The planned approaches of one cycle of the given leads (lead, channel, sequence, at, kind).

    Args:
        lead: Positions of the leads, each once.
        available: Moment from which each may be approached.
    """
    rng, rates, calendar = world.rng(topic), world.rates, world.calendar
    channel = world.leads.channel[lead]
    counts = planned_counts(rng, rates, channel, world.leads.is_target[lead])
    starts = group_starts(counts)
    row = np.repeat(np.arange(lead.size), counts)
    sequence = np.arange(row.size) - starts
    first = first_moments(rng, calendar, rates, channel, available)[row]

    cadence = rates.tables["cadence"]
    gap = np.array(cadence["gap_days"])[pick(rng, cadence["gap_weight"], row.size)]
    gap[sequence == 0] = 0
    total = np.cumsum(gap)
    step = total - total[starts]
    day = calendar.business_day(calendar.position(japan_day(first)) + step)
    at = np.where(
        sequence == 0, first, utc_seconds(day, cadence_seconds(rng, calendar, rates, day))
    )
    team_mix = np.array(
        [[rates.tables["teams"][motion][kind] for kind in APPROACH_KINDS] for motion in MOTIONS]
    )
    kind = pick_by_row(rng, team_mix, rates.motion[channel][row])
    return pl.DataFrame(
        {"lead": lead[row], "channel": channel[row], "sequence": sequence, "at": at, "kind": kind}
    ).filter(pl.col("at") < calendar.end)


def person_reached(
    rng: np.random.Generator, rates: Rates, channel: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Who answers a dial (codes of `PERSONS`)."""
    calls, size = rates.tables["calls"], channel.size
    connection = rates.channel("connection", channel) * rates.team("connection", channel)
    answered = chance(rng, connection, size)
    is_target = chance(rng, rates.channel("target", channel), size)
    is_gatekeeper = chance(rng, calls["gatekeeper"], size)
    is_machine = chance(rng, calls["machine"], size)
    return np.select(
        [answered & is_target, answered & is_gatekeeper, answered, is_machine],
        [TARGET, GATEKEEPER, OTHER, MACHINE],
        NOBODY,
    )


def conversation(
    rng: np.random.Generator, rates: Rates, channel: NDArray[np.int64]
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """For talks with the target: information exchanged, and (only then) a need recorded."""
    information = chance(rng, rates.channel("information", channel), channel.size)
    need = rates.channel("need", channel) / np.maximum(rates.channel("information", channel), 0.01)
    return information, information & chance(rng, need, channel.size)


def call_times(
    rng: np.random.Generator, person: NDArray[np.int64], machine_answers: NDArray[np.bool_]
) -> tuple[Seconds, Seconds]:
    """Seconds of ringing and of talking of each call; talk is `NEVER` where it is not answered."""
    ringing = 4 + whole(rng.gamma(2.0, 5.0, person.size).clip(0, 50))
    scale = np.array([0.0, 8.0, 35.0, 45.0, 150.0])[person]
    talking = 3 + whole(scale * np.exp(rng.normal(0, 0.6, person.size))).clip(0, 3000)
    is_answered = (person >= GATEKEEPER) | ((person == MACHINE) & machine_answers)
    return ringing, np.where(is_answered, talking, NEVER)


def carry_out(world: World, topic: str, planned: pl.DataFrame) -> pl.DataFrame:
    """What comes of the planned approaches; `end_at_booking` then takes out those not made.

    Adds rep, person, ringing, talking, is_bounced, replied, information, need, is_booking, booked.
    """
    rng, rates, size = world.rng(topic), world.rates, planned.height
    channel, kind, at = (planned[name].to_numpy() for name in ("channel", "kind", "at"))
    calls, emails = rates.tables["calls"], rates.tables["emails"]
    day = japan_day(at)
    rep = on_duty_rep(
        world.people, world.calendar, world.leads.rep[planned["lead"].to_numpy()], day
    )

    person = np.where(kind == CALL, person_reached(rng, rates, channel), NOBODY)
    ringing, talking = call_times(rng, person, chance(rng, calls["machine_answers"], size))
    is_bounced = (kind == MAIL) & chance(rng, emails["bounce"], size)
    can_reply = np.isin(kind, (MAIL, DM)) & ~is_bounced
    is_reply = can_reply & chance(rng, rates.channel("reply", channel), size)
    wait = 300 + whole(rng.exponential(emails["reply_days"] * DAY, size).clip(0, 12 * DAY))
    replied = np.where(is_reply & (at + wait < world.calendar.end), at + wait, NEVER)
    # A reply to an earlier mail that comes after the as_of_date brings nothing: neither information
    # nor a booking may hang on an event that has not happened yet.
    straddles = (at < world.calendar.as_of_end) & (replied >= world.calendar.as_of_end)
    is_reply = (replied != NEVER) & ~straddles

    by_touch = (kind > DM) & chance(rng, rates.tables["touches"]["information"], size)
    is_talk = (person == TARGET) | is_reply | by_touch
    information, need = conversation(rng, rates, channel)
    at_reception = (person == GATEKEEPER) & chance(rng, calls["gatekeeper_information"], size)
    season = demand(world.calendar, rates)[day - world.calendar.first_day]
    meeting = (
        rates.channel("meeting", channel)
        * rates.team("meeting", channel)
        * np.sqrt(season)
        * np.where(is_reply, emails["reply_meeting"], 1.0)
    )
    is_booking = ((person == TARGET) | is_reply) & chance(rng, meeting, size)
    talked_until = at + ringing + np.maximum(talking, 0)
    booked = np.where(kind == CALL, talked_until, replied + 1800)
    is_booking &= booked < world.calendar.end
    return planned.with_columns(
        rep=rep,
        person=person,
        ringing=ringing,
        talking=talking,
        is_bounced=is_bounced,
        replied=replied,
        information=(is_talk & information) | is_booking | at_reception,
        need=(is_talk & need) | is_booking,
        is_booking=is_booking,
        booked=np.where(is_booking, booked, NEVER),
    )


def end_at_booking(world: World, topic: str, made: pl.DataFrame) -> pl.DataFrame:
    """Takes out what was planned after the first booking, but for the few made all the same."""
    first_booked = (
        made.filter("is_booking").group_by("lead").agg(first_booking=pl.col("sequence").min())
    )
    kept = chance(world.rng(topic), world.rates.tables["cadence"]["after_booking"], made.height)
    return (
        made.with_columns(kept=kept)
        .join(first_booked, on="lead", how="left", maintain_order="left")
        .filter(
            pl.col("kept")
            | pl.col("first_booking").is_null()
            | (pl.col("sequence") <= pl.col("first_booking"))
        )
        .drop("kept", "first_booking")
    )


def spaced(events: pl.DataFrame) -> pl.DataFrame:
    """Events less one that follows another of the same lead within `MINIMUM_GAP`."""
    ordered = events.sort("lead", "at")
    too_close = (pl.col("lead") == pl.col("lead").shift(1)) & (
        pl.col("at") - pl.col("at").shift(1) < MINIMUM_GAP
    )
    return ordered.filter(~too_close.fill_null(False))


def follow_up_mails(world: World, made: pl.DataFrame) -> pl.DataFrame:
    """1:1 mails sent within the hour after an answered call."""
    rng = world.rng("follow_up_mails")
    answered = made.filter((pl.col("kind") == CALL) & (pl.col("person") >= GATEKEEPER))
    share = world.rates.tables["calls"]["follow_up_mail"]
    sent = answered.filter(pl.Series(chance(rng, share, answered.height), dtype=pl.Boolean))
    wait = 900 + rng.integers(0, 2400, sent.height)
    planned = sent.select(
        "lead",
        "channel",
        "sequence",
        at=pl.col("at") + pl.col("ringing") + pl.col("talking") + wait,
        kind=pl.lit(MAIL, dtype=pl.Int64),
    ).filter(pl.col("at") < world.calendar.end)
    mails = carry_out(world, "follow_up_mails/outcomes", planned)
    return mails.with_columns(is_booking=pl.lit(False), booked=pl.lit(NEVER))


def redials(world: World, made: pl.DataFrame) -> pl.DataFrame:
    """Second dials within a minute after nobody answered: calls of their own."""
    rng, calls = world.rng("redials"), world.rates.tables["calls"]
    missed = made.filter((pl.col("kind") == CALL) & (pl.col("person") == NOBODY))
    again = missed.filter(pl.Series(chance(rng, calls["redial"], missed.height), dtype=pl.Boolean))
    shares = [calls["redial_gatekeeper"], calls["redial_machine"]]
    person = np.array([GATEKEEPER, MACHINE, NOBODY])[
        pick(rng, [*shares, 1 - sum(shares)], again.height)
    ]
    ringing, talking = call_times(rng, person, chance(rng, calls["machine_answers"], again.height))
    wait = rng.integers(*REDIAL_AFTER, again.height)
    return again.with_columns(
        at=pl.col("at") + wait,
        person=person,
        ringing=ringing,
        talking=talking,
        information=pl.lit(False),
        need=pl.lit(False),
    )


def recycled_leads(world: World, topic: str, made: pl.DataFrame) -> pl.DataFrame:
    """Leads whose cycle ended without a booking and starts again (lead, recycled).

    Recycles happen in a nightly batch at three in the morning, when nothing else happens.
    """
    rng, cycles = world.rng(topic), world.rates.tables["cycles"]
    ended = (
        made.group_by("lead")
        .agg(last=pl.col("at").max(), is_booked=pl.col("is_booking").any())
        .sort("lead")
    )
    booked = ended["is_booked"].to_numpy()
    share = np.where(booked, cycles["recycled_after_booking"], cycles["recycled"])
    chosen = ended.filter(pl.Series(chance(rng, share, ended.height), dtype=pl.Boolean))
    shortest, longest = cycles["rest_days"]
    rest = rng.integers(shortest, longest + 1, chosen.height)
    day = japan_day(chosen["last"].to_numpy()) + rest
    night = 3 * HOUR + rng.integers(0, HOUR, chosen.height)
    return pl.DataFrame({"lead": chosen["lead"], "recycled": utc_seconds(day, night)}).filter(
        pl.col("recycled") < world.calendar.end
    )


def approach_all(world: World) -> tuple[pl.DataFrame, pl.DataFrame]:
    """All approaches of all cycles, and the recycles (lead, recycled) between the cycles.

    Ordered by lead and moment; calls dialled again directly after their first dial included.
    """
    lead, available = np.arange(len(world.leads)), world.leads.created
    cycles: list[pl.DataFrame] = []
    recycles: list[pl.DataFrame] = []
    for cycle in range(1, world.rates.tables["cycles"]["most"] + 1):
        planned = plan(world, f"plan/{cycle}", lead, available)
        outcome = carry_out(world, f"outcome/{cycle}", planned)
        made = end_at_booking(world, f"booking/{cycle}", outcome)
        cycles.append(made)
        again = recycled_leads(world, f"recycle/{cycle}", made)
        recycles.append(again)
        lead, available = again["lead"].to_numpy(), again["recycled"].to_numpy()
    made = pl.concat(cycles)
    once = spaced(pl.concat([made, follow_up_mails(world, made)]))
    everything = pl.concat([once, redials(world, once)]).sort("lead", "at")
    return everything.drop("sequence"), pl.concat(recycles[:-1]).sort("lead", "recycled")
