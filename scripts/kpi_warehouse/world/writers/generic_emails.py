"""The log's mails as a mail tool exports them: messages, and one event per thing that happened."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from kpi_warehouse.world.clock import DAY
from kpi_warehouse.world.log import WorldLog
from kpi_warehouse.world.randomness import chance, generator
from kpi_warehouse.world.rates import load_rates
from kpi_warehouse.world.writers.columns import durations, flags
from kpi_warehouse.world.writers.identities import Doubles, lost_lead_ids, recorded_lead_ids

LOST_LEAD_SHARE = 0.3
"""Of mails without a lead: they name one that is in no extract."""
FIRST_LOST_LEAD = 500_000_000
"""Lost ids of mails count from here, those of calls from 0."""
UPPER_CASE_SHARE = 0.05
NO_RECIPIENT_SHARE = 0.10
"""Events of messages with one recipient that do not name it."""
FLAG_GIVEN_SHARE = 0.7
"""Opens whose event says whether a machine did it; of the others the user agent tells."""
AUTO_INFORMATION_SHARE = 0.2
"""Automatic answers on which a rep ticked "information": they do not count."""
HUMAN_AGENT = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/126.0"
MACHINE_AGENTS = ("Mozilla/5.0", "Barracuda Sentinel (EE)")

EVENT_COLUMNS = (
    *("event_id", "message_id", "recipient", "event", "occurred_at", "user_agent", "is_machine"),
    "information_exchanged",
)


@dataclass(frozen=True)
class MailRows:
    """Rows of the two extracts, and what was planted in them."""

    emails: pl.DataFrame
    events: pl.DataFrame
    traps: dict[str, int]


def write_emails(log: WorldLog, doubles: Doubles) -> MailRows:
    """All rows of the emails and the email_events extract."""
    rng = generator(log.seed, "writers/emails")
    mails = addressed(log)
    is_lost = (
        mails["lead_id"].is_null()
        & (mails["recipient_no"] == 1)
        & flags(chance(rng, LOST_LEAD_SHARE, mails.height))
    )
    lead_id, under_double = recorded_lead_ids(log, doubles, mails["lead_id"], "emails")
    emails = mails.select(
        "message_id",
        lead_id=pl.coalesce(lead_id, lost_lead_ids(is_lost, FIRST_LOST_LEAD)),
        rep_id="rep_id",
        recipient="recipient",
        kind="kind",
        sent_at="sent_at",
    )
    events, traps = mail_events(rng, mails)
    return MailRows(
        emails=emails,
        events=events,
        traps=traps
        | {"mail_of_merged_lead": under_double, "mail_naming_missing_lead": int(is_lost.sum())},
    )


def addressed(log: WorldLog) -> pl.DataFrame:
    """The mails with the recipient's address and whether it is the message's only one."""
    mails = log.emails.join(
        log.leads.select("lead_id", "email"), on="lead_id", how="left", maintain_order="left"
    )
    copies = mails.filter(pl.col("recipient_no") == 2).select("message_id").unique()
    with_copy = mails["message_id"].is_in(copies["message_id"].implode())
    stranger = pl.format(
        "someone{}.{}@elsewhere.example.jp", pl.col("message_id"), pl.col("recipient_no")
    )
    return mails.with_columns(
        recipient=pl.coalesce("email", stranger),
        is_only_recipient=~with_copy & (mails["kind"] != "bulk"),
    )


def event(
    mails: pl.DataFrame,
    name: str,
    at: pl.Expr,
    agent: pl.Expr | None = None,
    is_machine: pl.Expr | None = None,
    information: pl.Expr | None = None,
) -> pl.DataFrame:
    """One event per mail."""
    return mails.select(
        "message_id",
        "recipient",
        "is_only_recipient",
        event=pl.lit(name),
        occurred_at=at.cast(pl.Datetime("us")),
        user_agent=pl.lit(None, dtype=pl.String) if agent is None else agent,
        is_machine=pl.lit(None, dtype=pl.Boolean) if is_machine is None else is_machine,
        information_exchanged=pl.lit(None, dtype=pl.Boolean)
        if information is None
        else information,
    )


def after(column: str, wait: np.ndarray) -> pl.Expr:
    """A time some whole seconds later."""
    return pl.col(column) + durations(wait)


def sample(rng: np.random.Generator, mails: pl.DataFrame, share: float) -> pl.DataFrame:
    """A random share of the mails."""
    return mails.filter(flags(chance(rng, share, mails.height)))


def mail_events(
    rng: np.random.Generator, mails: pl.DataFrame
) -> tuple[pl.DataFrame, dict[str, int]]:
    """All events, with the names, cases and gaps of a real export."""
    rates = load_rates().tables["emails"]
    sent = mails.filter(pl.col("kind") != "auto_reply")
    delivered = sent.filter(pl.col("bounced_at").is_null())
    bounced = sent.filter(pl.col("bounced_at").is_not_null())
    human = sent.filter(pl.col("human_opened_at").is_not_null())
    again = sample(rng, human, rates["repeated_open"])
    machine = sent.filter(pl.col("machine_opened_at").is_not_null())
    flagged = flags(chance(rng, FLAG_GIVEN_SHARE, machine.height))
    agents = pl.Series(MACHINE_AGENTS).gather(rng.integers(0, 2, machine.height))
    human_flagged = flags(chance(rng, FLAG_GIVEN_SHARE, human.height))
    clicked = sent.filter(pl.col("clicked_at").is_not_null())
    replied = sent.filter(pl.col("replied_at").is_not_null())
    answered = sample(rng, delivered.filter(pl.col("kind") == "one_to_one"), rates["auto_answer"])
    ticked = flags(chance(rng, AUTO_INFORMATION_SHARE, answered.height))
    left = sample(rng, clicked, 0.02)
    last = mails.select(pl.col("sent_at").max()).item()
    events = pl.concat(
        [
            event(delivered, "delivered", after("sent_at", rng.integers(1, 30, delivered.height))),
            event(bounced, "bounce", pl.col("bounced_at")),
            event(
                human,
                "open",
                pl.col("human_opened_at"),
                agent=pl.lit(HUMAN_AGENT),
                is_machine=pl.when(human_flagged).then(False),
            ),
            event(
                again,
                "open",
                after("human_opened_at", rng.integers(60, 3 * DAY, again.height)),
                agent=pl.lit(HUMAN_AGENT),
                is_machine=pl.lit(False),
            ),
            event(
                machine,
                "open",
                pl.col("machine_opened_at"),
                agent=pl.Series(agents),
                is_machine=pl.when(flagged).then(True),
            ),
            event(clicked, "click", pl.col("clicked_at"), agent=pl.lit(HUMAN_AGENT)),
            event(
                replied,
                "reply",
                pl.col("replied_at"),
                information=pl.when("information_exchanged").then(True),
            ),
            event(
                answered,
                "auto_reply",
                after("sent_at", rng.integers(2, 90, answered.height)),
                information=pl.when(ticked).then(True),
            ),
            event(left, "unsubscribe", after("clicked_at", rng.integers(5, 60, left.height))),
        ]
    )
    size = events.height
    in_capitals = flags(chance(rng, UPPER_CASE_SHARE, size))
    nameless = flags(chance(rng, NO_RECIPIENT_SHARE, size)) & events["is_only_recipient"]
    number = pl.int_range(1, size + 1, eager=True)
    written = events.with_columns(
        event_id="ev" + number.cast(pl.String).str.zfill(10),
        recipient=pl.when(nameless)
        .then(None)
        .when(in_capitals)
        .then(pl.col("recipient").str.to_uppercase())
        .otherwise("recipient"),
    ).filter(pl.col("occurred_at") <= last + pl.duration(days=1))
    return written.select(EVENT_COLUMNS).sort("occurred_at", "event_id"), {
        "mail_answered_automatically": answered.height,
        "mail_event_recipient_in_capitals": int((in_capitals & ~nameless).sum()),
        "mail_event_without_recipient": int(nameless.sum()),
        "mail_machine_open_told_by_agent": int((~flagged).sum()),
        "mail_opened_repeatedly": again.height,
    }
