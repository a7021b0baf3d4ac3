"""Mails: what becomes of each message, and the bulk, automatic and copied ones."""

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.typing import NDArray

from kpi_warehouse.world.approaches import MAIL, World
from kpi_warehouse.world.calls import random_working_moments
from kpi_warehouse.world.clock import DAY, HOUR, NEVER, Seconds, japan_day, utc_seconds
from kpi_warehouse.world.people import on_duty_rep
from kpi_warehouse.world.randomness import chance, pick, whole

OPEN_WINDOW = 14 * DAY
"""Opens later than this after the send do not count."""
SENDING_SPEED = 40
"""Bulk mails sent per second."""
STRIDE = 2_147_483_647
"""A prime: steps of it through a list visit every entry once."""
WEB_FORMS = ("web_inquiry", "document_request", "trial", "whitepaper")
"""Channels whose form answers with a confirmation mail."""


def opens(
    world: World,
    topic: str,
    sent: Seconds,
    replied: Seconds,
    is_bounced: NDArray[np.bool_],
    open_rate: NDArray[np.float64],
) -> dict[str, Seconds]:
    """Earliest human and machine open and click of each message (`NEVER`: none).

    Some opens come after the window, some are reported of bounced messages. An open after the
    end of the world is unknown.
    """
    rng, emails = world.rng(topic), world.rates.tables["emails"]
    size = sent.size
    rate = np.where(is_bounced, emails["bounced_open"], open_rate)
    is_open = chance(rng, rate, size)
    wait = 30 + whole(3 * HOUR * np.exp(rng.normal(0, 1.3, size)).clip(0, 90))
    is_late = chance(rng, emails["late_open"], size)
    wait = np.where(is_late, OPEN_WINDOW + 1 + whole(rng.random(size) * 20 * DAY), wait)
    human = np.where(is_open, sent + wait, NEVER)
    before_reply = sent + 60 + whole(rng.random(size) * np.maximum(replied - sent - 120, 0))
    human = np.where(replied != NEVER, before_reply, human)
    machine_open = chance(rng, emails["machine_open"], size) & ~is_bounced
    machine = np.where(machine_open, sent + rng.integers(1, 180, size), NEVER)
    is_click = (human != NEVER) & ~is_bounced & chance(rng, emails["click"], size)
    click = np.where(is_click, human + rng.integers(5, 400, size), NEVER)
    end = world.calendar.end
    return {
        "human_opened": np.where(human < end, human, NEVER),
        "machine_opened": np.where(machine < end, machine, NEVER),
        "clicked": np.where(click < end, click, NEVER),
    }


def one_to_one_mails(world: World, approaches: pl.DataFrame) -> pl.DataFrame:
    """The 1:1 mails: the cadence's, some to nobody's address, some with a second recipient."""
    rng, rates = world.rng("one_to_one"), world.rates
    columns = ("lead", "channel", "rep", "at", "is_bounced", "replied", "information")
    mails = approaches.filter(pl.col("kind") == MAIL).select(*columns)
    size = round(rates.tables["emails"]["no_lead"] * mails.height)
    at = random_working_moments(world, rng, size)
    day = japan_day(at)
    strangers = pl.DataFrame(
        {
            "lead": np.full(size, -1),
            "channel": pick(rng, rates.by_channel["share"], size),
            "rep": on_duty_rep(
                world.people, world.calendar, rng.integers(0, world.people.inside, size), day
            ),
            "at": at,
            "is_bounced": chance(rng, rates.tables["emails"]["bounce"] * 5, size),
            "replied": np.full(size, NEVER),
            "information": np.zeros(size, dtype=bool),
        }
    )
    first = (
        pl.concat([mails, strangers])
        .with_row_index("message")
        .with_columns(recipient_no=pl.lit(1, dtype=pl.Int64))
    )
    share = rates.tables["emails"]["carbon_copy"]
    copied = first.filter(pl.Series(chance(rng, share, first.height), dtype=pl.Boolean))
    copies = copied.with_columns(
        lead=pl.lit(-1, dtype=pl.Int64),
        recipient_no=pl.lit(2, dtype=pl.Int64),
        is_bounced=pl.lit(False),
        replied=pl.lit(NEVER),
        information=pl.lit(False),
    )
    everything = pl.concat([first, copies])
    sent, replied, bounced = (
        everything[name].to_numpy() for name in ("at", "replied", "is_bounced")
    )
    rate = rates.channel("open", everything["channel"].to_numpy())
    return everything.with_columns(
        kind=pl.lit("one_to_one"),
        **opens(world, "one_to_one/opens", sent, replied, bounced, rate),
    ).drop("channel")


def automatic_mails(world: World) -> pl.DataFrame:
    """The site's own confirmations to web leads, seconds after their form arrived."""
    rng, leads, rates = world.rng("automatic_mails"), world.leads, world.rates
    forms = np.isin(leads.channel, [rates.position(name) for name in WEB_FORMS])
    lead = np.flatnonzero(forms & chance(rng, rates.tables["emails"]["system_reply"], len(leads)))
    never = np.full(lead.size, NEVER)
    return pl.DataFrame(
        {
            "message": np.arange(lead.size, dtype=np.uint32),
            "recipient_no": np.ones(lead.size, dtype=np.int64),
            "lead": lead,
            "rep": np.full(lead.size, -1),
            "kind": pl.Series(["auto_reply"], dtype=pl.String).new_from_index(0, lead.size),
            "at": leads.created[lead] + 5,
            "is_bounced": np.zeros(lead.size, dtype=bool),
            "replied": never,
            "information": np.zeros(lead.size, dtype=bool),
            "human_opened": never,
            "machine_opened": never,
            "clicked": never,
        }
    ).filter(pl.col("at") < world.calendar.end)


def share_out(total: int, room: NDArray[np.int64]) -> NDArray[np.int64]:
    """`total` split in proportion to `room`, never more than there is room for."""
    if total >= room.sum():
        return room
    shares = np.floor(total * room / room.sum()).astype(np.int64)
    order = np.argsort(shares - room, kind="stable")
    missing = total - shares.sum()
    extra = np.zeros_like(shares)
    extra[order[:missing]] = 1
    return np.minimum(shares + extra, room)


def campaign_moments(world: World) -> Seconds:
    """When bulk mail goes out: at ten on a business day, or over the midnight ending a month."""
    rng, calendar = world.rng("campaigns"), world.calendar
    months = calendar.month_starts
    extra = world.rates.tables["emails"]["campaigns_per_month"] - 1
    day = np.repeat(months, extra) + 9 + rng.integers(0, 12, months.size * extra)
    office = utc_seconds(calendar.business_day(calendar.position(day)), 10 * HOUR)
    midnight = utc_seconds(months, 0) - 1
    moments = np.sort(np.concatenate([office, midnight]))
    return moments[moments < calendar.end - DAY]


def bulk_mails(world: World, total: int) -> pl.DataFrame:
    """`total` bulk mails to leads that exist by then; one message of a mailing per recipient.

    The bulk fills the world up to the wanted number of activities.
    """
    rng, leads, rates = world.rng("bulk_mails"), world.leads, world.rates
    moments = campaign_moments(world)
    known = np.searchsorted(leads.created, moments)
    moments, known = moments[known > 0], known[known > 0]
    sizes = share_out(total, known) if known.size else known
    mailing = np.repeat(np.arange(sizes.size), sizes)
    number = np.arange(mailing.size) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    start = rng.integers(0, 1 << 31, sizes.size)
    lead = (start[mailing] + number * STRIDE) % known[mailing]
    sent = moments[mailing] + number // SENDING_SPEED
    is_bounced = chance(rng, rates.tables["emails"]["bounce"], lead.size)
    never = np.full(lead.size, NEVER)
    rate = np.full(lead.size, rates.tables["emails"]["human_open_bulk"])
    return pl.DataFrame(
        {
            "message": mailing.astype(np.uint32),
            "recipient_no": number + 1,
            "lead": lead,
            "rep": np.full(lead.size, -1),
            "kind": pl.Series(["bulk"], dtype=pl.String).new_from_index(0, lead.size),
            "at": sent,
            "is_bounced": is_bounced,
            "replied": never,
            "information": np.zeros(lead.size, dtype=bool),
            **opens(world, "bulk_mails/opens", sent, never, is_bounced, rate),
        }
    )
