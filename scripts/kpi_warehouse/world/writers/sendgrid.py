"""Writes the log's mails as SendGrid's event webhook: JSON lines, redelivered, out of order."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl

from kpi_warehouse.world.log import WorldLog
from kpi_warehouse.world.randomness import chance, generator
from kpi_warehouse.world.writers import salesforce_ids as sf
from kpi_warehouse.world.writers.columns import flags
from kpi_warehouse.world.writers.files import overlapping_parts
from kpi_warehouse.world.writers.native_mails import REPLIES, NativeMails

FOLDER = "sendgrid"
OVERLAP = 0.02
"""Share of the events that both files hold."""
REDELIVERED_SHARE = 0.02
"""Events that the webhook delivered twice."""
CAPITALS_SHARE = 0.03
DEFERRED_SHARE = 0.01
DROPPED_SHARE = 0.2
"""Of bounces: the tool did not even try."""
SPAM_SHARE = 0.3
"""Of recipients who left: by reporting spam."""
DISORDER = 600
"""Seconds by which events arrive out of order."""
CATEGORIES = {
    "one_to_one": ["one_to_one"],
    "bulk": ["newsletter"],
    "auto_reply": ["auto_reply"],
}
"""Category of each kind of mail."""


def write_sendgrid(log: WorldLog, mails: NativeMails, folder: Path) -> dict[str, int]:
    """Writes the events into `folder/sendgrid`, always in UTF-8.

    Returns:
        Name of each trap that lies in the files, and how often it was laid.
    """
    rng = generator(log.seed, "writers/sendgrid")
    events, traps = webhook_events(rng, mails)
    size = events.height
    again = np.flatnonzero(chance(rng, REDELIVERED_SHARE, size))
    row = np.concatenate([np.arange(size), again])
    happened = events["timestamp"].to_numpy()[row]
    order = np.argsort(happened + rng.integers(0, DISORDER, row.size), kind="stable")
    unordered = int((np.diff(happened[order]) < 0).sum())
    lines = pl.DataFrame({"line": json_lines(events).gather(row[order])})
    first, second = overlapping_parts(lines, OVERLAP)
    target = folder / FOLDER
    target.mkdir(parents=True, exist_ok=True)
    for name, part in (("events_1", first), ("events_2", second)):
        part.write_csv(target / f"{name}.jsonl", include_header=False, quote_style="never")
    return traps | {
        "mail_event_redelivered": again.size,
        "mail_event_in_two_files": first.height + second.height - lines.height,
        "mail_event_out_of_order": unordered,
    }


def webhook_events(
    rng: np.random.Generator, mails: NativeMails
) -> tuple[pl.DataFrame, dict[str, int]]:
    """One row per event of a mail that went through the tool."""
    sent = mails.mails.filter(pl.col("message_key").is_not_null())
    kinds = sent.select("number", "kind")
    told = mails.events.filter(
        ~pl.col("event").is_in(REPLIES), pl.col("message_key").is_not_null()
    ).join(kinds, on="number", maintain_order="left")
    processed = sent.select(
        "message_key",
        "number",
        "kind",
        sent_to="recipient",
        event=pl.lit("processed"),
        occurred_at="sent_at",
        user_agent=pl.lit(None, dtype=pl.String),
        is_machine=pl.lit(None, dtype=pl.Boolean),
    )
    waiting = processed.filter(flags(chance(rng, DEFERRED_SHARE, processed.height)))
    waiting = waiting.with_columns(
        event=pl.lit("deferred"), occurred_at=pl.col("occurred_at") + pl.duration(seconds=1)
    )
    columns = processed.columns
    events = pl.concat([processed, waiting, told.select(columns)])
    size = events.height
    is_dropped = (events["event"] == "bounce") & flags(chance(rng, DROPPED_SHARE, size))
    is_spam = (events["event"] == "unsubscribe") & flags(chance(rng, SPAM_SHARE, size))
    in_capitals = flags(chance(rng, CAPITALS_SHARE, size))
    rank = np.arange(size, dtype=np.int64)
    event_id = sf.texts(sf.base62(rank * 6_700_417_003 % 62**10, 11)) + sf.texts(
        sf.base62(rank + 9_000_000_000, 11)
    )
    name = (
        pl.when(is_dropped)
        .then(pl.lit("dropped"))
        .when(is_spam)
        .then(pl.lit("spamreport"))
        .otherwise("event")
    )
    failed = pl.col("event") == "bounce"
    table = events.select(
        email=pl.when(in_capitals).then(pl.col("sent_to").str.to_uppercase()).otherwise("sent_to"),
        timestamp=pl.col("occurred_at").dt.epoch("s"),
        event=name,
        sg_event_id=event_id,
        sg_message_id=pl.format(
            "{}.filterdrecv-p3iad2-{}-{}", "message_key", pl.col("number") % 97, "number"
        ),
        useragent="user_agent",
        ip=pl.when(pl.col("user_agent").is_not_null()).then(pl.lit("192.0.2.44")),
        url=pl.when(pl.col("event") == "click").then(pl.lit("https://example.jp/case/")),
        reason=pl.when(failed).then(pl.lit("550 5.1.1 no such user")),
        status=pl.when(failed).then(pl.lit("5.1.1")),
        category=pl.col("kind").replace_strict(CATEGORIES, return_dtype=pl.List(pl.String)),
        sg_machine_open="is_machine",
    )
    return table, {
        "mail_event_dropped": int(is_dropped.sum()),
        "mail_event_spamreport": int(is_spam.sum()),
        "mail_event_deferred": waiting.height,
        "mail_event_recipient_in_capitals": int(in_capitals.sum()),
    }


def json_lines(events: pl.DataFrame) -> pl.Series:
    """One text per event; what an event does not have is absent from it."""
    has_gaps = [name for name in events.columns if events[name].null_count()]
    parts = []
    by_gaps = events.with_row_index("row").with_columns(
        pl.col(name).is_null().alias(f"no_{name}") for name in has_gaps
    )
    for gaps, part in by_gaps.group_by(f"no_{name}" for name in has_gaps):
        absent = {name for name, is_absent in zip(has_gaps, gaps, strict=True) if is_absent}
        present = [name for name in events.columns if name not in absent]
        parts.append(part.select("row", line=pl.struct(present).struct.json_encode()))
    return pl.concat(parts).sort("row")["line"]
