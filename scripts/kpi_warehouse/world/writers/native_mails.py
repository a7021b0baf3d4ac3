"""Which native system knows which mail: the sending tool, Salesforce, or both; and its events."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from kpi_warehouse.world.log import WorldLog
from kpi_warehouse.world.randomness import chance, generator
from kpi_warehouse.world.writers import salesforce_ids as sf
from kpi_warehouse.world.writers.columns import flags
from kpi_warehouse.world.writers.generic_emails import addressed, mail_events
from kpi_warehouse.world.writers.identities import Doubles, recorded_lead_ids

BY_HAND_SHARE = 0.1
"""1:1 mails that nobody opened, sent past the tool: Salesforce alone knows them."""
MESSAGE_DIGITS = 11
REPLIES = ("reply", "auto_reply")
"""Events that Salesforce logs as tasks; all others are the tool's."""


@dataclass(frozen=True)
class NativeMails:
    """Every mail and event in the system that knows it.

    Attributes:
        mails: One row per message and recipient, with message_key (its id in the tool, null if it
            went past it), lead_id as recorded, recipient, `is_logged` (a task of Salesforce) and
            `number` (row in the log, for the task's id).
        events: One row per event, with the mail's message_key, number and lead_id.
        traps: Name → count of what was planted.
    """

    mails: pl.DataFrame
    events: pl.DataFrame
    traps: dict[str, int]


def message_keys(mails: pl.DataFrame) -> pl.Series:
    """The tool's id of each message, 22 characters; the recipients of a mailing share it."""
    rank = mails["message_id"].rank("dense").cast(pl.Int64).to_numpy() - 1
    head = sf.base62(rank * 7_919_999_983 % 62**10, MESSAGE_DIGITS)
    tail = sf.base62(rank * 104_729 + 5_000_000_000, MESSAGE_DIGITS)
    return sf.texts(head) + sf.texts(tail)


def native_mails(log: WorldLog, doubles: Doubles) -> NativeMails:
    """Spreads the log's mails over the systems."""
    rng = generator(log.seed, "writers/native_mails")
    mails = addressed(log).with_row_index("number").with_columns(pl.col("number").cast(pl.Int64))
    events, traps = mail_events(rng, mails)
    lead_id, under_double = recorded_lead_ids(log, doubles, mails["lead_id"], "emails")
    opened = events.filter(pl.col("event").is_in([*REPLIES, "delivered"]).not_())
    is_touched = mails["message_id"].is_in(opened["message_id"].unique().implode())
    is_personal = mails["kind"] == "one_to_one"
    past_tool = (
        is_personal
        & mails["is_only_recipient"]
        & mails["lead_id"].is_not_null()
        & ~is_touched
        & flags(chance(rng, BY_HAND_SHARE, mails.height))
    )
    mails = mails.with_columns(
        true_lead_id="lead_id",
        lead_id=lead_id,
        message_key=message_keys(mails).set(past_tool, None),
        is_logged=is_personal & (mails["recipient_no"] == 1),
    )
    of_mail = mails.select(
        "message_id",
        "message_key",
        "number",
        "lead_id",
        "rep_id",
        sent_to="recipient",
    )
    # The key is the message and its recipient; of a message to one, the event may not name it.
    named = events.with_columns(address=pl.col("recipient").str.to_lowercase())
    parts = [
        named.filter(pl.col("address").is_not_null())
        .join(
            of_mail,
            left_on=["message_id", "address"],
            right_on=["message_id", "sent_to"],
            maintain_order="left",
        )
        .with_columns(sent_to="address"),
        named.filter(pl.col("address").is_null()).join(
            of_mail, on="message_id", maintain_order="left"
        ),
    ]
    columns = (
        *("event_id", "event", "occurred_at", "user_agent", "is_machine"),
        *("information_exchanged", "message_key", "number", "lead_id", "rep_id", "sent_to"),
    )
    return NativeMails(
        mails=mails,
        events=pl.concat([part.select(columns) for part in parts]),
        traps={
            name: traps[name]
            for name in (
                "mail_answered_automatically",
                "mail_machine_open_told_by_agent",
                "mail_opened_repeatedly",
            )
        }
        | {"mail_of_merged_lead": under_double, "mail_logged_by_crm_only": int(past_tool.sum())},
    )
