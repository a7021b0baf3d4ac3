"""Opportunities and the stages they go through, reopened and foreign-currency ones included."""

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.typing import NDArray

from kpi_warehouse.world.approaches import World
from kpi_warehouse.world.clock import (
    DAY,
    HOUR,
    NEVER,
    Seconds,
    japan_day,
    utc_seconds,
    working_seconds,
)
from kpi_warehouse.world.people import field_rep
from kpi_warehouse.world.randomness import chance, pick, whole

OPEN_STAGES = ("初回商談", "ヒアリング", "提案", "見積", "交渉")
WON, LOST = "受注", "失注"
STAGES = (*OPEN_STAGES, WON, LOST)
WON_CODE, LOST_CODE = STAGES.index(WON), STAGES.index(LOST)
CLOSE_STEP, REOPEN_STEP, RECLOSE_STEP = (len(OPEN_STAGES) + n for n in range(3))
STEPS = RECLOSE_STEP + 1
"""A deal's life in steps: the open stages, the close, the reopening, the second close."""
YEN_PER_UNIT = {"JPY": 1.0, "USD": 150.0, "EUR": 162.0}
"""About what a unit costs, to make amounts of every currency alike."""


def origins(world: World, meetings: pl.DataFrame, handed: pl.DataFrame) -> pl.DataFrame:
    """Where opportunities come from: lead, channel, created, creator (rep), is_qualified."""
    rng, setup = world.rng("deals/origins"), world.rates.tables["deals"]
    judged = meetings.filter(pl.col("judged") != NEVER)
    is_qualified = judged["is_qualified"].to_numpy()
    share = np.where(is_qualified, setup["opened"], setup["opened_unqualified"])
    opened = judged.filter(pl.Series(chance(rng, share, judged.height), dtype=pl.Boolean))
    by_inside = chance(rng, setup["by_inside_sales"], opened.height)
    created = np.where(
        by_inside,
        opened["booked"].to_numpy() + 3 * HOUR,
        opened["judged"].to_numpy() + whole(rng.exponential(DAY, opened.height)),
    )
    from_meetings = pl.DataFrame(
        {
            "lead": opened["lead"],
            "channel": opened["channel"],
            "created": created,
            "creator": np.where(by_inside, opened["booker"].to_numpy(), -1),
            "is_qualified": opened["is_qualified"],
        }
    )
    direct = handed.filter("is_direct")
    direct = direct.filter(
        pl.Series(chance(rng, setup["opened_direct"], direct.height), dtype=pl.Boolean)
    )
    from_hand_over = pl.DataFrame(
        {
            "lead": direct["lead"],
            "channel": world.leads.channel[direct["lead"].to_numpy()],
            "created": direct["handed_over"].to_numpy()
            + whole(rng.exponential(2 * DAY, direct.height)),
            "creator": np.full(direct.height, -1),
            "is_qualified": np.zeros(direct.height, dtype=bool),
        }
    )
    size = round(setup["without_lead"] * (opened.height + direct.height))
    days = world.calendar.business_days
    day = days[rng.integers(0, days.size, size)]
    own = pl.DataFrame(
        {
            "lead": np.full(size, -1),
            "channel": pick(rng, world.rates.by_channel["share"], size),
            "created": utc_seconds(day, working_seconds(rng, world.rates, size)),
            "creator": np.full(size, -1),
            "is_qualified": np.zeros(size, dtype=bool),
        }
    )
    both = pl.concat([from_meetings, from_hand_over, own])
    both = both.filter(pl.col("created") < world.calendar.end).sort("created", "lead", "channel")
    by_field = field_rep(rng, world.people, world.calendar, both["created"].to_numpy())
    return both.with_columns(
        creator=pl.when(pl.col("creator") < 0).then(pl.Series(by_field)).otherwise("creator")
    )


def life(
    rng: np.random.Generator, world: World, deals: pl.DataFrame
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Stage of every step of every deal (deals × `STEPS`), and which steps are to happen."""
    setup, size = world.rates.tables["deals"], deals.height
    channel = deals["channel"].to_numpy()
    win_rate = np.where(
        deals["is_qualified"].to_numpy(),
        world.rates.channel("win", channel),
        setup["won_unqualified"],
    )
    is_won = chance(rng, win_rate, size)
    last_open = np.where(is_won, len(OPEN_STAGES) - 1, rng.integers(0, len(OPEN_STAGES), size))
    step = np.arange(STEPS)
    happens = step[None, :] <= last_open[:, None]
    skipped = chance(rng, setup["stage_skipped"], size * STEPS).reshape(size, STEPS)
    happens &= ~skipped | (step == 0)
    happens[:, CLOSE_STEP] = True
    straight_lost = ~is_won & chance(rng, setup["straight_lost"], size)
    happens[straight_lost, :CLOSE_STEP] = False  # entered when it was lost already
    reopened = ~is_won & ~straight_lost & chance(rng, setup["reopened"], size)
    happens[:, REOPEN_STEP] = reopened
    happens[:, RECLOSE_STEP] = reopened & chance(rng, setup["reopened_closed"], size)

    stage = np.broadcast_to(step, (size, STEPS)).copy()
    stage[:, CLOSE_STEP] = np.where(is_won, WON_CODE, LOST_CODE)
    stage[:, REOPEN_STEP] = 1 + rng.integers(0, len(OPEN_STAGES) - 1, size)
    second_win = chance(rng, setup["reopened_won"], size)
    stage[:, RECLOSE_STEP] = np.where(second_win, WON_CODE, LOST_CODE)
    return stage, happens


def step_moments(
    rng: np.random.Generator, world: World, created: Seconds, happens: NDArray[np.bool_]
) -> Seconds:
    """Moment of every step: the first that happens at creation, each later one on a later business
    day.


    Steps on the first or last day of a month fall, now and then, into its first or last second.
    """
    calendar, (size, _) = world.calendar, happens.shape
    mean = world.rates.tables["deals"]["stage_days"]
    gap = 1 + whole(rng.exponential(mean - 1, happens.shape))
    gap[:, REOPEN_STEP] += 20
    gap[:, 0] = 0
    position = calendar.position(japan_day(created))[:, None] + np.cumsum(gap, axis=1)
    day = calendar.business_day(position)
    second = working_seconds(rng, world.rates, size * STEPS).reshape(size, STEPS)
    on_edge = chance(rng, 0.3, size * STEPS).reshape(size, STEPS)
    second = np.where(on_edge & np.isin(day, calendar.month_starts), 0, second)
    second = np.where(on_edge & np.isin(day + 1, calendar.month_starts), DAY - 1, second)
    moment = utc_seconds(day, second)
    first = np.argmax(happens, axis=1)
    moment[np.arange(size), first] = created
    return moment


def without_reopening_after_as_of(
    happens: NDArray[np.bool_], moment: Seconds, as_of_end: int
) -> NDArray[np.bool_]:
    """Takes out reopenings that come after the as_of_date of deals closed by then.

    A CRM shows a deal as it is today: a close that was undone after the as_of_date has no trace in
    the record, so the state as of that date could not be told.
    """
    undone = (moment[:, CLOSE_STEP] < as_of_end) & (moment[:, REOPEN_STEP] >= as_of_end)
    kept = happens.copy()
    kept[undone, REOPEN_STEP:] = False
    return kept


def stage_owners(
    rng: np.random.Generator, world: World, deals: pl.DataFrame, created: Seconds
) -> NDArray[np.int64]:
    """Rep at every step: the creator at first, then field sales; some change hands midway."""
    size = deals.height
    creator = deals["creator"].to_numpy()
    first_field = field_rep(rng, world.people, world.calendar, created)
    closer = np.where(
        chance(rng, 0.15, size), field_rep(rng, world.people, world.calendar, created), first_field
    )
    taken_over = np.where(chance(rng, 0.1, size), 3, 1)
    step = np.arange(STEPS)
    early = step[None, :] < taken_over[:, None]
    late = step >= CLOSE_STEP - 1
    return np.where(early, creator[:, None], np.where(late, closer[:, None], first_field[:, None]))


def amounts(rng: np.random.Generator, world: World, size: int) -> pl.DataFrame:
    """Currency and amount, as whole hundredths of the currency."""
    setup = world.rates.tables["deals"]
    codes = list(YEN_PER_UNIT)
    weights = [1 - setup["usd"] - setup["eur"], setup["usd"], setup["eur"]]
    currency = pick(rng, weights, size)
    yen = setup["median_jpy"] * np.exp(rng.normal(0, setup["spread"], size))
    in_yen = whole(yen / 10_000) * 1_000_000
    foreign = whole(yen / np.array(list(YEN_PER_UNIT.values()))[currency] * 100)
    return pl.DataFrame(
        {
            "currency": pl.Series(codes).gather(currency),
            "hundredths": np.where(currency == 0, in_yen, foreign),
        }
    )


def opportunities(
    world: World, meetings: pl.DataFrame, handed: pl.DataFrame
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """All opportunities and their stage events.

    Returns:
        deals (lead, created, creator, currency, hundredths, is_deleted; a deal is its row) and
        events (deal, stage code, entered, owner), by deal and moment.
    """
    rng = world.rng("deals")
    deals = origins(world, meetings, handed)
    created = deals["created"].to_numpy()
    stage, happens = life(rng, world, deals)
    moment = step_moments(rng, world, created, happens)
    happens = without_reopening_after_as_of(happens, moment, world.calendar.as_of_end)
    owner = stage_owners(rng, world, deals, created)
    happens &= moment < world.calendar.end
    deal, step = np.nonzero(happens)
    events = pl.DataFrame(
        {
            "deal": deal,
            "stage": stage[deal, step],
            "entered": moment[deal, step],
            "owner": owner[deal, step],
        }
    )
    is_deleted = chance(rng, world.rates.tables["deals"]["deleted"], deals.height)
    frame = pl.concat([deals, amounts(rng, world, deals.height)], how="horizontal")
    return frame.with_columns(is_deleted=is_deleted), events
