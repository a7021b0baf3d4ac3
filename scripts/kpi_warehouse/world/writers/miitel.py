"""Writes the log's calls as MiiTel's call history: a Japanese export and a newer English one."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl

from kpi_warehouse.world.clock import JAPAN
from kpi_warehouse.world.log import WorldLog
from kpi_warehouse.world.randomness import chance, generator
from kpi_warehouse.world.writers.columns import flags
from kpi_warehouse.world.writers.files import overlapping_parts
from kpi_warehouse.world.writers.native_calls import NativeCalls
from kpi_warehouse.world.writers.native_files import CsvStyle, Encoding, write_csv
from kpi_warehouse.world.writers.native_people import person_names, user_email

FOLDER = "miitel"
OVERLAP = 0.02
"""Share of the calls that both exports hold."""
VOICEMAIL_SHARE = 0.3
"""Of incoming calls that nobody took: the caller spoke to the machine."""
NAMELESS_SHARE = 0.3
"""Of unanswered calls in the older export that the CRM has as well: the user is not named."""
STYLE = CsvStyle(datetime_format="%Y/%m/%d %-H:%M:%S", null_value="-")
FILE_ENCODINGS: dict[Encoding, tuple[str, str]] = {
    "mixed": ("cp932", "utf-8-sig"),
    "utf-8": ("utf-8", "utf-8-sig"),
    "cp932": ("cp932", "cp932"),
}
"""Encodings of the two files."""

LABELS = {
    "Call Type": "通話種別",
    "Sequence ID": "シーケンス ID",
    "Parent sequence ID": "親シーケンス ID",
    "Previous sequence ID": "前シーケンス ID",
    "User name": "ユーザー名",
    "User ID": "ユーザー ID",
    "Call from": "発信元",
    "Call to": "発信先",
    "Account name": "会社名",
    "Contact person name": "担当者名",
    "Dial begin time": "発信開始時刻",
    "Call begin time": "通話開始時刻",
    "Call end time": "通話終了時刻",
    "Ringing time": "呼出時間",
    "Call duration": "通話時間",
    "Call memo": "通話メモ",
    "Overall score": "総合スコア",
}
"""Columns by their English and Japanese labels."""
TYPES = {
    "outgoing": ("Outbound call", "発信"),
    "incoming": ("Incoming call", "着信"),
    "transfer": ("Transferred call", "転送"),
    "internal": ("Internal call", "内線"),
}
VOICEMAIL = ("Voicemail", "留守番電話")
UNANSWERED = (" (No answer)", " (不在)")
ENGLISH, JAPANESE = range(2)


def write_miitel(
    log: WorldLog, calls: NativeCalls, folder: Path, encoding: Encoding
) -> dict[str, int]:
    """Writes the call history into `folder/miitel`.

    Returns:
        Name of each trap that lies in the files, and how often it was laid.
    """
    rows, traps = history(log, calls)
    older, newer = overlapping_parts(rows, OVERLAP)
    rng = generator(log.seed, "writers/miitel/nameless")
    nameless = (
        flags(chance(rng, NAMELESS_SHARE, older.height))
        & older["Call begin time"].is_null()
        & older["has_task"]
    )
    older = older.with_columns(
        pl.when(~nameless).then(pl.col(name)).alias(name) for name in ("User name", "User ID")
    )
    first, second = FILE_ENCODINGS[encoding]
    labels = list(LABELS)
    japanese = older.with_columns(call_type(JAPANESE)).select(labels).rename(LABELS)
    english = newer.with_columns(call_type(ENGLISH)).select(labels)
    target = folder / FOLDER
    write_csv(japanese, target / "通話履歴_1.csv", replace(STYLE, encoding=first))
    write_csv(english, target / "call_history_2.csv", replace(STYLE, encoding=second))
    return traps | {
        "dialer_row_exported_twice": older.height + newer.height - rows.height,
        "dialer_row_without_user": int(nameless.sum()),
    }


def local(column: str) -> pl.Expr:
    """A moment as the wall clock in Japan shows it."""
    return pl.col(column) + pl.duration(seconds=JAPAN)


def clock(seconds: pl.Expr) -> pl.Expr:
    """Seconds as h:mm:ss."""
    parts = (seconds // 3600, seconds % 3600 // 60, seconds % 60)
    hours, minutes, rest = (part.cast(pl.String) for part in parts)
    return pl.format("{}:{}:{}", hours, minutes.str.zfill(2), rest.str.zfill(2))


def call_type(language: int) -> pl.Expr:
    """The type's label; a call that was not answered says so."""
    named = pl.col("kind").replace_strict({kind: text[language] for kind, text in TYPES.items()})
    unanswered = pl.col("Call begin time").is_null()
    return (
        pl.when("is_voicemail")
        .then(pl.lit(VOICEMAIL[language]))
        .when(unanswered)
        .then(named + UNANSWERED[language])
        .otherwise(named)
        .alias("Call Type")
    )


def history(log: WorldLog, calls: NativeCalls) -> tuple[pl.DataFrame, dict[str, int]]:
    """All rows under the English labels, and what was planted in them."""
    rng = generator(log.seed, "writers/miitel")
    rows = calls.dialled
    size = rows.height
    names = dict(log.users.select("user_id", "name").unique("user_id", keep="last").rows())
    is_internal = (pl.col("direction") == "internal") | pl.col("is_internal").fill_null(False)
    kind = (
        pl.when(pl.col("leg") != "first")
        .then("leg")
        .when(is_internal)
        .then(pl.lit("internal"))
        .when(pl.col("direction") == "inbound")
        .then(pl.lit("incoming"))
        .otherwise(pl.lit("outgoing"))
    )
    people = log.leads.select("lead_id", "company").with_row_index("number")
    rows = rows.with_columns(kind=kind).join(
        people, left_on="true_lead_id", right_on="lead_id", how="left", maintain_order="left"
    )
    is_voicemail = (
        (rows["kind"] == "incoming")
        & rows["answered_at"].is_null()
        & ~rows["call_id"].is_in(rows["parent_call_id"].drop_nulls().implode())
        & flags(chance(rng, VOICEMAIL_SHARE, size))
    )
    person = person_names(rows["number"].fill_null(0))
    talk = (pl.col("ended_at") - pl.col("answered_at")).dt.total_seconds()
    ring = (pl.coalesce("answered_at", "ended_at") - pl.col("started_at")).dt.total_seconds()
    known = pl.col("number").is_not_null()
    email = (
        pl.when(flags(chance(rng, 0.1, size)))
        .then(user_email(pl.col("rep_id")).str.to_uppercase())
        .otherwise(user_email(pl.col("rep_id")))
    )
    table = rows.with_columns(person, is_voicemail=is_voicemail).select(
        "kind",
        "is_voicemail",
        "has_task",
        pl.col("call_id").alias("Sequence ID"),
        pl.col("parent_call_id").alias("Parent sequence ID"),
        pl.col("parent_call_id").alias("Previous sequence ID"),
        pl.col("rep_id").replace_strict(names, return_dtype=pl.String).alias("User name"),
        email.alias("User ID"),
        pl.col("from_number").alias("Call from"),
        pl.col("to_number").alias("Call to"),
        pl.col("company").alias("Account name"),
        pl.when(known)
        .then(pl.format("{} {}", "last_name", "first_name"))
        .alias("Contact person name"),
        local("started_at").alias("Dial begin time"),
        local("answered_at").alias("Call begin time"),
        local("ended_at").alias("Call end time"),
        clock(ring).alias("Ringing time"),
        clock(talk).alias("Call duration"),
        pl.col("note").alias("Call memo"),
        pl.lit(pl.Series(np.round(rng.random(size) * 100, 1)))
        .cast(pl.String)
        .alias("Overall score"),
    )
    return table, {
        "dialer_voicemail": int(is_voicemail.sum()),
        "dialer_internal_call": int((rows["kind"] == "internal").sum()),
        "dialer_memo_of_several_lines": int(rows["note"].str.contains("\n").fill_null(False).sum()),
    }
