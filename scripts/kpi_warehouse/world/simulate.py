"""Simulates a world: options in, the log of everything that truly happened out."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, timedelta

import numpy as np
import polars as pl

from kpi_warehouse.world.approaches import DM, MAIL, PERSONS, TARGET, World, approach_all
from kpi_warehouse.world.calls import (
    CALL_COLUMNS,
    apart_from,
    calls_without_lead,
    dials,
    inbound_calls,
)
from kpi_warehouse.world.clock import (
    DAY,
    EPOCH,
    HOUR,
    NEVER,
    Calendar,
    japan_day,
    make_calendar,
    timestamps,
    utc_seconds,
    working_seconds,
)
from kpi_warehouse.world.costs import campaign_costs
from kpi_warehouse.world.deals import STAGES, YEN_PER_UNIT, opportunities
from kpi_warehouse.world.log import MONEY, RATE, SCHEMAS, WorldLog
from kpi_warehouse.world.mails import automatic_mails, bulk_mails, one_to_one_mails
from kpi_warehouse.world.meetings import appointments, hand_overs
from kpi_warehouse.world.people import attendance, hire
from kpi_warehouse.world.prospects import acquire
from kpi_warehouse.world.randomness import chance, generator
from kpi_warehouse.world.rates import APPROACH_KINDS, Rates, load_rates
from kpi_warehouse.world.traps import world_traps

FEWEST_ACTIVITIES, MOST_ACTIVITIES = 100, 10_000_000
SHORTEST_WORLD = timedelta(days=120)
CALL_ID_BASE = 1_700_000_000_000_000_000
"""Call ids have 19 digits: read as numbers, neighbours of them become one."""
FX_HISTORY = 30
"""Days of exchange rates before the world begins."""


@dataclass(frozen=True)
class WorldOptions:
    """What a world is made from; equal options give equal bytes.

    Attributes:
        seed: Any non-negative number.
        activities: Calls + mails × recipients + touches + appointments, 100 to 10,000,000; head
            counts, leads and deals follow in proportion.
        as_of_date: The last day that is in.
        start: First day; default is 24 months before the day after `as_of_date`.
        leads: Number of leads; default is in proportion to `activities`.

    Raises:
        ValueError: an option is out of its range.
    """

    seed: int = 20240401
    activities: int = 250_000
    as_of_date: date = date(2026, 9, 30)
    start: date | None = None
    leads: int | None = None
    rates: Rates = field(default_factory=load_rates, repr=False, compare=False)

    def __post_init__(self) -> None:
        if self.seed < 0:
            raise ValueError(f"seed must not be negative, not {self.seed}")
        if not FEWEST_ACTIVITIES <= self.activities <= MOST_ACTIVITIES:
            raise ValueError(
                f"activities must lie between {FEWEST_ACTIVITIES} and {MOST_ACTIVITIES}, "
                f"not {self.activities}"
            )
        if self.as_of_date - self.first_day < SHORTEST_WORLD:
            raise ValueError(f"start must lie {SHORTEST_WORLD.days} days before {self.as_of_date}")
        if self.leads is not None and self.leads < 1:
            raise ValueError(f"leads must be at least 1, not {self.leads}")

    @property
    def first_day(self) -> date:
        """The first day of the world."""
        if self.start is not None:
            return self.start
        after = self.as_of_date + timedelta(days=1)
        return date(after.year - 2, after.month, min(after.day, 28))

    @property
    def lead_count(self) -> int:
        """The number of leads."""
        if self.leads is not None:
            return self.leads
        return max(1, round(self.activities * self.rates.tables["volume"]["leads_per_activity"]))


def simulate(options: WorldOptions | None = None) -> WorldLog:
    """Everything that happens in the world of these options, up to weeks after its as_of_date."""
    options = options or WorldOptions()
    rates, volume = options.rates, options.rates.tables["volume"]
    calendar = make_calendar(options.first_day, options.as_of_date, volume["days_after_as_of"])
    scale = options.activities / volume["reference_activities"]
    people = hire(generator(options.seed, "people"), calendar, rates, scale)
    leads = acquire(generator(options.seed, "leads"), calendar, rates, people, options.lead_count)
    world = World(options.seed, calendar, rates, people, leads)

    approaches, recycles = approach_all(world)
    callers = apart_from(inbound_calls(world, approaches), approaches)
    dialled = dials(approaches)
    calls = pl.concat([dialled, callers, calls_without_lead(world, dialled.height)])
    bookings = pl.concat(
        [
            approaches.filter("is_booking").select("lead", "rep", "booked"),
            callers.filter(pl.col("booked") != NEVER).select("lead", "rep", "booked"),
        ]
    ).sort("booked", "lead", "rep")
    meetings = appointments(world, bookings)
    handed = hand_overs(world, meetings)
    deals, events = opportunities(world, meetings, handed)
    touches = all_touches(world, approaches)
    mails = pl.concat([one_to_one_mails(world, approaches), automatic_mails(world)], how="diagonal")
    rest = options.activities - sum(f.height for f in (calls, touches, meetings, mails))
    mails = pl.concat([mails, bulk_mails(world, max(rest, 0))], how="diagonal")

    leads = lead_log(world, approaches, recycles, meetings, handed)
    log = WorldLog(
        as_of_date=options.as_of_date,
        seed=options.seed,
        leads=leads,
        recycles=recycle_log(world, recycles),
        calls=call_log(world, calls),
        emails=email_log(world, mails),
        touches=touch_log(world, touches),
        appointments=appointment_log(world, meetings),
        opportunities=opportunity_log(world, deals),
        stage_events=stage_log(world, events),
        permissions=permission_log(world, approaches),
        users=people.users,
        attendance=attendance(world.rng("attendance"), people, calendar, rates, dial_days(calls)),
        fx_rates=exchange_rates(world.rng("fx_rates"), calendar),
        company_holidays=calendar.company_holidays,
        campaign_costs=campaign_costs(options.seed, leads),
    )
    return WorldLog(**{**vars(log), "traps": world_traps(log)})


def dial_days(calls: pl.DataFrame) -> pl.DataFrame:
    """Rep and day number of every outbound dial that counts."""
    counted = calls.filter((pl.col("direction") == "outbound") & pl.col("is_countable"))
    return counted.select("rep", day=pl.Series(japan_day(counted["at"].to_numpy())))


def all_touches(world: World, approaches: pl.DataFrame) -> pl.DataFrame:
    """Touches made (direction outbound) and some that came from the lead's side."""
    rng, calendar = world.rng("touches"), world.calendar
    made = approaches.filter(pl.col("kind") >= DM).select(
        *("lead", "rep", "kind", "at", "replied", "information", "need"),
        pl.lit("outbound").alias("direction"),
    )
    share = world.rates.tables["touches"]["inbound"]
    answered = made.filter(pl.Series(chance(rng, share, made.height), dtype=pl.Boolean))
    later = japan_day(answered["at"].to_numpy()) + rng.integers(1, 5, answered.height)
    day = calendar.business_day(calendar.position(later))
    at = utc_seconds(day, working_seconds(rng, world.rates, answered.height))
    inbound = answered.with_columns(
        at=pl.Series(at, dtype=pl.Int64),
        replied=pl.lit(NEVER),
        direction=pl.lit("inbound"),
        need=pl.lit(False),
    ).filter(pl.col("at") < calendar.end)
    return pl.concat([made, inbound])


def to_ids(ids: pl.Series, position: pl.Series) -> pl.Series:
    """Ids of positions; -1 becomes null."""
    return ids.gather(position.set(position < 0, None))


def zero_padded(prefix: str, size: int, digits: int) -> pl.Series:
    """Running ids with leading zeros."""
    number = pl.int_range(1, size + 1, eager=True)
    return (prefix + number.cast(pl.String).str.zfill(digits)).alias("id")


def moments(frame: pl.DataFrame, column: str) -> pl.Series:
    """A column of moments as timestamps."""
    return timestamps(frame[column].to_numpy())


def conform(name: str, columns: dict[str, pl.Series]) -> pl.DataFrame:
    """A frame of the log with its columns in the schema's order and types."""
    return pl.DataFrame(columns).select(list(SCHEMAS[name])).cast(SCHEMAS[name])


def lead_log(
    world: World,
    approaches: pl.DataFrame,
    recycles: pl.DataFrame,
    meetings: pl.DataFrame,
    handed: pl.DataFrame,
) -> pl.DataFrame:
    """The leads with their state at the world's end."""
    leads, size = world.leads, len(world.leads)
    moment = np.full(size, NEVER)
    moment[handed["lead"].to_numpy()] = handed["handed_over"].to_numpy()
    field_owner = np.full(size, -1)
    field_owner[handed["lead"].to_numpy()] = handed["field"].to_numpy()
    is_handed = field_owner >= 0
    status = np.zeros(size, dtype=np.int64)
    names = ("新規", "アプローチ中", "リサイクル", "商談化", "引き渡し済", "対象外")
    status[approaches["lead"].to_numpy()] = 1
    status[recycles["lead"].to_numpy()] = 2
    status[meetings["lead"].to_numpy()] = 3
    status[is_handed] = 4
    status[~leads.is_target & ~is_handed] = 5
    channels = pl.Series(world.rates.channels)
    ids = world.people.ids
    return conform(
        "leads",
        {
            **{column: leads.frame[column] for column in leads.frame.columns},
            "lead_id": leads.ids,
            "created_at": timestamps(leads.created),
            "channel_id": channels.gather(leads.channel),
            "latest_channel_id": channels.gather(leads.latest_channel),
            "is_target": pl.Series(leads.is_target),
            "is_deleted": pl.Series(leads.is_deleted),
            "owner_id": ids.gather(np.where(is_handed, field_owner, leads.rep)),
            "status": pl.Series(names).gather(status),
            "handed_over_at": timestamps(moment),
            "handed_over_to_id": to_ids(ids, pl.Series(field_owner)),
        },
    )


def recycle_log(world: World, recycles: pl.DataFrame) -> pl.DataFrame:
    """The starts of further cycles."""
    return conform(
        "recycles",
        {
            "lead_id": to_ids(world.leads.ids, recycles["lead"]),
            "recycled_at": moments(recycles, "recycled"),
        },
    )


def call_log(world: World, calls: pl.DataFrame) -> pl.DataFrame:
    """The calls in order of time."""
    calls = calls.select(CALL_COLUMNS).sort("at", "lead", "rep", maintain_order=True)
    answered = pl.when(pl.col("talking") != NEVER).then(pl.col("at") + pl.col("ringing"))
    times = calls.select(
        started="at",
        answered=answered.otherwise(NEVER),
        ended=pl.col("at")
        + pl.when(pl.col("talking") == NEVER)
        .then(pl.col("ringing").clip(upper_bound=20))
        .otherwise(pl.col("ringing") + pl.col("talking")),
    )
    number = pl.int_range(calls.height, eager=True)
    return conform(
        "calls",
        {
            "call_id": (number + CALL_ID_BASE).cast(pl.String),
            "lead_id": to_ids(world.leads.ids, calls["lead"]),
            "rep_id": world.people.ids.gather(calls["rep"]),
            "direction": calls["direction"],
            "started_at": moments(times, "started"),
            "answered_at": moments(times, "answered"),
            "ended_at": moments(times, "ended"),
            "person": pl.Series(PERSONS, dtype=pl.String).gather(calls["person"]),
            "information_exchanged": calls["information"],
            "need_recorded": calls["need"],
            "is_countable": calls["is_countable"],
        },
    )


def email_log(world: World, mails: pl.DataFrame) -> pl.DataFrame:
    """The mails in order of time; ids tell the kinds apart."""
    prefix = {"one_to_one": "m", "bulk": "b", "auto_reply": "a"}
    mails = mails.sort("at", "kind", "message", "recipient_no", maintain_order=True)
    message_id = mails.select(
        pl.format(
            "{}-{}",
            pl.col("kind").replace_strict(prefix),
            pl.col("message").cast(pl.String).str.zfill(9),
        )
    ).to_series()
    return conform(
        "emails",
        {
            "message_id": message_id,
            "recipient_no": mails["recipient_no"],
            "lead_id": to_ids(world.leads.ids, mails["lead"]),
            "rep_id": to_ids(world.people.ids, mails["rep"]),
            "kind": mails["kind"],
            "sent_at": moments(mails, "at"),
            "bounced_at": bounces(mails),
            "human_opened_at": moments(mails, "human_opened"),
            "machine_opened_at": moments(mails, "machine_opened"),
            "clicked_at": moments(mails, "clicked"),
            "replied_at": moments(mails, "replied"),
            "information_exchanged": mails["information"],
        },
    )


def bounces(mails: pl.DataFrame) -> pl.Series:
    """When each bounced mail came back: 1 to 19 seconds after the send, null for the others."""
    seconds = 1 + mails["message"].cast(pl.Int64) % 19
    came_back = moments(mails, "at") + pl.Series(seconds * 1_000_000, dtype=pl.Duration("us"))
    return pl.select(pl.when(mails["is_bounced"]).then(came_back)).to_series()


def touch_log(world: World, touches: pl.DataFrame) -> pl.DataFrame:
    """The touches in order of time."""
    touches = touches.sort("at", "lead", "direction", maintain_order=True)
    return conform(
        "touches",
        {
            "touch_id": zero_padded("t", touches.height, 9),
            "lead_id": to_ids(world.leads.ids, touches["lead"]),
            "rep_id": world.people.ids.gather(touches["rep"]),
            "activity_channel": pl.Series(APPROACH_KINDS).gather(touches["kind"]),
            "direction": touches["direction"],
            "occurred_at": moments(touches, "at"),
            "replied_at": moments(touches, "replied"),
            "information_exchanged": touches["information"],
            "need_recorded": touches["need"],
        },
    )


def appointment_log(world: World, meetings: pl.DataFrame) -> pl.DataFrame:
    """The appointments in order of booking."""
    judgement = meetings.select(
        pl.when(pl.col("judged") == NEVER)
        .then(None)
        .when("is_qualified")
        .then(pl.lit("qualified"))
        .otherwise(pl.lit("not_qualified"))
    ).to_series()
    return conform(
        "appointments",
        {
            "appointment_id": zero_padded("", meetings.height, 9),
            "lead_id": to_ids(world.leads.ids, meetings["lead"]),
            "booked_by_id": world.people.ids.gather(meetings["booker"]),
            "booked_at": moments(meetings, "booked"),
            "starts_at": moments(meetings, "starts"),
            "moves": meetings["moves"],
            "outcome": meetings["outcome"],
            "judged_at": moments(meetings, "judged"),
            "judgement": judgement,
        },
    )


def deal_id(deal: pl.Series) -> pl.Series:
    """Id of a deal by its number."""
    return "006" + (deal + 1).cast(pl.String).str.zfill(9)


def opportunity_log(world: World, deals: pl.DataFrame) -> pl.DataFrame:
    """The opportunities in order of creation."""
    amount = deals.select((pl.col("hundredths").cast(MONEY) / 100).cast(MONEY)).to_series()
    return conform(
        "opportunities",
        {
            "opportunity_id": deal_id(pl.int_range(deals.height, eager=True)),
            "lead_id": to_ids(world.leads.ids, deals["lead"]),
            "created_at": moments(deals, "created"),
            "created_by_id": world.people.ids.gather(deals["creator"]),
            "amount": amount,
            "currency": deals["currency"],
            "is_deleted": deals["is_deleted"],
        },
    )


def stage_log(world: World, events: pl.DataFrame) -> pl.DataFrame:
    """The stage events, deal by deal."""
    return conform(
        "stage_events",
        {
            "opportunity_id": deal_id(events["deal"]),
            "stage": pl.Series(STAGES).gather(events["stage"]),
            "entered_at": moments(events, "entered"),
            "owner_id": world.people.ids.gather(events["owner"]),
        },
    )


def permission_log(world: World, approaches: pl.DataFrame) -> pl.DataFrame:
    """Permissions given with the lead's form, or asked for in a talk with the target."""
    rng, leads, setup = world.rng("permissions"), world.leads, world.rates.tables["permissions"]
    consent = np.flatnonzero(chance(rng, world.rates.channel("consent", leads.channel), len(leads)))
    given = pl.DataFrame({"lead": consent, "granted": leads.created[consent]})
    talked = approaches.filter(
        (pl.col("person") == TARGET)
        | (pl.col("kind").is_in([MAIL, DM]) & (pl.col("replied") != NEVER))
    )
    agreed = talked.filter(pl.Series(chance(rng, setup["asked"], talked.height), dtype=pl.Boolean))
    asked = agreed.select(
        "lead",
        granted=pl.when(pl.col("person") == TARGET)
        .then(pl.col("at") + pl.col("ringing") + pl.col("talking") // 2)
        .otherwise(pl.col("replied") + 60),
    )
    granted = pl.concat([given, asked]).filter(pl.col("granted") < world.calendar.end)
    granted = granted.unique().sort("lead", "granted")
    shortest, longest = setup["revoked_days"]
    wait = rng.integers(shortest, longest + 1, granted.height) * DAY + rng.integers(
        0, 12 * HOUR, granted.height
    )
    revoked = granted["granted"].to_numpy() + wait
    is_revoked = chance(rng, setup["revoked"], granted.height) & (revoked < world.calendar.end)
    return conform(
        "permissions",
        {
            "lead_id": to_ids(leads.ids, granted["lead"]),
            "granted_at": moments(granted, "granted"),
            "revoked_at": timestamps(np.where(is_revoked, revoked, NEVER)),
        },
    )


def exchange_rates(rng: np.random.Generator, calendar: Calendar) -> pl.DataFrame:
    """Yen per unit on business days: a weekend's deal takes the latest earlier rate."""
    history = np.arange(calendar.first_day - FX_HISTORY, calendar.first_day)
    day = np.concatenate([history, calendar.business_days])
    dates = pl.Series([EPOCH + timedelta(days=int(number)) for number in day])
    frames = []
    for currency, level in YEN_PER_UNIT.items():
        if currency == "JPY":
            continue
        walk = level * np.exp(np.cumsum(rng.normal(0, 0.004, day.size)))
        frames.append(
            pl.DataFrame(
                {
                    "currency": pl.Series([currency]).new_from_index(0, day.size),
                    "date": dates,
                    "jpy_rate": pl.Series(np.round(walk, 4)).cast(RATE),
                }
            )
        )
    return pl.concat(frames).cast(SCHEMAS["fx_rates"])
