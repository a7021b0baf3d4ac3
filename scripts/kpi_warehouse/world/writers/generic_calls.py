"""The log's calls as a dialer and a CRM record them: legs, double and manual entries, tests."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from kpi_warehouse.world.clock import DAY, HOUR, JAPAN
from kpi_warehouse.world.log import WorldLog
from kpi_warehouse.world.randomness import chance, generator, pick
from kpi_warehouse.world.writers.call_outcomes import MONITORING_CODE, TEST_CODE, record_outcomes
from kpi_warehouse.world.writers.columns import durations, flags
from kpi_warehouse.world.writers.identities import (
    Doubles,
    lost_lead_ids,
    recorded_lead_ids,
    rep_number,
    spelled,
    strangers_numbers,
)
from kpi_warehouse.world.writers.native_people import main_lines

DIALER, EXTERNAL, PAIRED, MANUAL, UNLABELLED = range(5)
"""Who recorded a call: the dialer alone; dialer and CRM with a common id; both without one; the CRM
alone; a system that does not say what it is."""
MODE_WEIGHTS = (0.40, 0.29, 0.17, 0.11, 0.03)
PAIRED_WITHIN = 100
"""Seconds a CRM entry without a common id is off the dialer's start; the rule allows 120."""
NEIGHBOUR_WITHIN = 5
"""The same for calls with a redial next to them, so that nearest first finds the right pair."""
CLOSE_CALLS = 300
"""Seconds; calls of one rep to one number nearer than this are neighbours."""
LEG_SHARE = 0.04
"""Of answered calls: transferred."""
ORPHAN_SHARE = 0.004
"""Calls whose first leg was never exported: their legs name a parent that is in no file."""
LOST_LEAD_SHARE = 0.3
"""Of calls without a lead: they name one that is in no extract."""

COLUMNS = (
    *("call_id", "parent_call_id", "lead_id", "rep_id", "direction", "from_number", "to_number"),
    *("started_at", "answered_at", "ended_at", "disposition", "reached", "information_exchanged"),
    *("need_recorded", "is_internal", "logged_by", "external_call_id", "note"),
)
OUTCOME = ("disposition", "reached", "information_exchanged", "need_recorded")
NOTES = (
    "不在。改めて連絡",
    "決裁者は部長。予算は来期",
    '"至急" の連絡待ち, 折返し希望',
    "1行目\n2行目:資料送付済",
    '=HYPERLINK("x")',
    "<b>要確認</b>; DROP TABLE calls",
)
NOTE_SHARE = 0.06
MAIN_LINE_EVERY = 3
"""One of so many calls without a lead goes to a line that several leads share."""


@dataclass(frozen=True)
class CallRows:
    """Rows of the extract, in order of time, and what was planted in them."""

    frame: pl.DataFrame
    traps: dict[str, int]


def write_calls(log: WorldLog, doubles: Doubles) -> CallRows:
    """All rows of the calls extract."""
    rng = generator(log.seed, "writers/calls")
    calls, traps = described_calls(log, doubles, rng)
    primary, crm = dialer_and_crm(rng, calls)
    legged, legs = transfers(rng, primary)
    crm = with_leg_ids(rng, crm, legs)
    twins = second_crm_rows(rng, crm, primary)
    final, orphan_legs = orphans(rng, legged, legs)
    rows = pl.concat(
        [part.select(COLUMNS) for part in (final, legs, orphan_legs, crm, twins)]
    ).sort("started_at", "call_id")
    mode = calls["mode"]
    return CallRows(
        frame=rows,
        traps=traps
        | {
            "call_logged_twice_with_external_id": int((mode == EXTERNAL).sum()),
            "call_logged_twice_without_external_id": int((mode == PAIRED).sum()),
            "call_logged_by_crm_only": int((mode == MANUAL).sum()),
            "call_logged_by_nobody_named": int((mode == UNLABELLED).sum()),
            "call_with_two_crm_rows": twins.height,
            "call_transferred": legs["parent_call_id"].is_in(primary["call_id"].implode()).sum(),
            "call_transferred_twice": legs["parent_call_id"].is_in(legs["call_id"].implode()).sum(),
            "call_leg_marked_internal": int(legs["is_internal"].fill_null(False).sum()),
            "call_with_parent_in_no_file": final["parent_call_id"].is_not_null().sum(),
            "call_with_note_of_several_lines": int(
                rows["note"].str.contains("\n").fill_null(False).sum()
            ),
        },
    )


def described_calls(
    log: WorldLog, doubles: Doubles, rng: np.random.Generator
) -> tuple[pl.DataFrame, dict[str, int]]:
    """The log's calls with everything rows are made from: numbers, codes, and who records them."""
    calls = log.calls.with_columns(true_lead_id="lead_id").join(
        log.leads.select("lead_id", "phone"), on="lead_id", how="left", maintain_order="left"
    )
    size = calls.height
    is_stranger = calls["lead_id"].is_null()
    lead_id, under_double = recorded_lead_ids(log, doubles, calls["lead_id"], "calls")
    is_lost = (
        is_stranger
        & calls["is_countable"]
        & (calls["person"].fill_null("") != "target")
        & flags(chance(rng, LOST_LEAD_SHARE, size))
    )
    booked = log.appointments.select(true_lead_id="lead_id", ended_at="booked_at").unique()
    is_booked = calls.join(
        booked.with_columns(is_booked=pl.lit(True)),
        on=["true_lead_id", "ended_at"],
        how="left",
        maintain_order="left",
    )["is_booked"].fill_null(False)
    outcomes = record_outcomes(rng, calls, is_booked)
    main_line = dialled_main_lines(log, is_stranger & calls["is_countable"] & ~is_lost)

    calls = pl.concat(
        [
            calls.drop("information_exchanged", "need_recorded").with_columns(
                lead_id=pl.coalesce(lead_id, lost_lead_ids(is_lost, 0)),
                phone=pl.coalesce("phone", main_line, strangers_numbers(is_stranger)),
            ),
            outcomes.frame,
        ],
        how="horizontal",
    )
    notes = pl.Series(NOTES).gather(rng.integers(0, len(NOTES), size))
    notes = notes.set(flags(~chance(rng, NOTE_SHARE, size)), None)
    calls = calls.with_columns(
        is_neighbour=neighbours(calls),
        note=notes,
    )
    calls = calls.with_columns(mode=recording_modes(rng, calls))
    calls, never = never_counting(rng, calls)
    return calls, outcomes.traps | never | {
        "call_of_merged_lead": under_double,
        "call_naming_missing_lead": int(is_lost.sum()),
        "call_to_main_line_of_several_leads": len(main_line.drop_nulls()),
    }


def dialled_main_lines(log: WorldLog, has_no_lead: pl.Series) -> pl.Series:
    """For some of the calls without a lead: the main line of an account; null for the others."""
    lines = main_lines(log)["main_line"]
    number = has_no_lead.cast(pl.Int64).cum_sum() - 1
    is_dialled = has_no_lead & (number % MAIN_LINE_EVERY == 0)
    if not len(lines):
        return pl.Series([None], dtype=pl.String).new_from_index(0, len(has_no_lead))
    return lines.gather((number % len(lines)).set(~is_dialled, None))


def neighbours(calls: pl.DataFrame) -> pl.Series:
    """Whether another call of the same rep and number starts within `CLOSE_CALLS`."""
    ordered = calls.select(
        row=pl.int_range(pl.len()),
        rep=pl.col("rep_id").cast(pl.Int64),
        number=pl.col("phone").cast(pl.Int64),
        started_at="started_at",
    ).sort("number", "rep", "started_at", "row")

    def is_near(step: int) -> pl.Expr:
        same = (pl.col("rep") == pl.col("rep").shift(step)) & (
            pl.col("number") == pl.col("number").shift(step)
        )
        gap = (pl.col("started_at") - pl.col("started_at").shift(step)).abs()
        return (same & (gap < pl.duration(seconds=CLOSE_CALLS))).fill_null(False)

    near = ordered.select("row", near=is_near(1) | is_near(-1))
    return near.sort("row")["near"]


def recording_modes(rng: np.random.Generator, calls: pl.DataFrame) -> np.ndarray:
    """Who records each call; night calls and never-counting ones only the dialer."""
    mode = pick(rng, MODE_WEIGHTS, calls.height)
    second = calls["started_at"].dt.timestamp("ms").to_numpy() // 1000
    second = (second + JAPAN) % DAY
    only_dialer = (second < 8 * HOUR) | (second > 21 * HOUR) | ~calls["is_countable"].to_numpy()
    in_pairs = calls["is_neighbour"].to_numpy() & np.isin(mode, (MANUAL, UNLABELLED))
    return np.where(only_dialer | in_pairs, DIALER, mode)


def never_counting(
    rng: np.random.Generator, calls: pl.DataFrame
) -> tuple[pl.DataFrame, dict[str, int]]:
    """Marks the calls that never count: by flag, by direction, or by code."""
    kind = pl.Series(rng.integers(0, 4, calls.height)).zip_with(
        ~calls["is_countable"], pl.Series([-1])
    )
    says_no = flags(chance(rng, 0.3, calls.height))
    marked = calls.with_columns(
        is_internal=pl.when(kind == 0).then(True).when(says_no).then(False),
        direction=pl.when(kind == 1).then(pl.lit("internal")).otherwise("direction"),
        disposition=pl.when(kind == 2)
        .then(pl.lit(TEST_CODE))
        .when(kind == 3)
        .then(pl.lit(MONITORING_CODE))
        .otherwise("disposition"),
    )
    names = ("call_flagged_internal", "call_in_internal_direction", "call_test", "call_monitoring")
    return marked, {name: int((kind == code).sum()) for code, name in enumerate(names)}


def numbers(
    rng: np.random.Generator, calls: pl.DataFrame, weights: tuple[float, ...]
) -> dict[str, pl.Series]:
    """from_number and to_number; the other side's number spelled by `weights`."""
    other = spelled(calls["phone"], pick(rng, weights, calls.height))
    own = calls.select(rep_number(pl.col("rep_id"))).to_series()
    is_inbound = calls["direction"] == "inbound"
    return {
        "from_number": other.zip_with(is_inbound, own),
        "to_number": own.zip_with(is_inbound, other),
    }


def dialer_and_crm(
    rng: np.random.Generator, calls: pl.DataFrame
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """One row per call under the call's own id, and the CRM's second rows of those logged twice.

    Of a call logged twice, the dialer's row knows nothing, the same, or something wrong about the
    outcome, and often not the lead.
    """
    size = calls.height
    mode = calls["mode"]
    twice = mode.is_in([EXTERNAL, PAIRED])
    dialer_spelling = (0.6, 0.2, 0.2, 0.0, 0.0, 0.0)
    knows = pl.Series(pick(rng, (0.65, 0.15, 0.20), size))
    is_wrong = twice & (knows == 1) & calls["disposition"].is_not_null()
    knows_nothing = twice & (knows != 2)
    has_provider_id = flags(chance(rng, 0.4, size)) & (mode == EXTERNAL)
    provider_id = "EXT-" + calls["call_id"].str.slice(9)
    knows_lead = ~(twice & flags(chance(rng, 0.5, size)))
    unseen = flags(chance(rng, 0.7, size)) & (mode == MANUAL) & calls["disposition"].is_not_null()
    unknown_external = (mode == MANUAL) & flags(chance(rng, 0.15, size))
    nothing = {
        name: pl.when(knows_nothing).then(None).otherwise(pl.col(name)).alias(name)
        for name in OUTCOME[1:]
    }
    primary = calls.with_columns(
        parent_call_id=pl.lit(None, dtype=pl.String),
        lead_id=pl.when(knows_lead).then("lead_id"),
        **numbers(rng, calls, dialer_spelling),
        answered_at=pl.when(~unseen).then("answered_at"),
        disposition=pl.when(is_wrong)
        .then(pl.lit("応答なし"))
        .when(knows_nothing)
        .then(None)
        .otherwise("disposition"),
        **nothing,
        logged_by=pl.when(mode == MANUAL)
        .then(pl.lit("crm"))
        .when(mode != UNLABELLED)
        .then(pl.lit("dialer")),
        external_call_id=pl.when(has_provider_id)
        .then(provider_id)
        .when(unknown_external)
        .then("GONE-" + calls["call_id"].str.slice(9)),
    ).with_columns(knows_lead=knows_lead, knows_code=~knows_nothing)

    second = calls.filter(twice)
    ids = primary.filter(twice)
    count = second.height
    is_external = (second["mode"] == EXTERNAL).to_numpy()
    near = np.where(second["is_neighbour"].to_numpy(), NEIGHBOUR_WITHIN, PAIRED_WITHIN)
    by_hand = rng.integers(-near, near + 1)
    late = rng.integers(-HOUR // 12, HOUR, count)
    shift = np.where(is_external, late, by_hand)
    crm_spelling = (0.15, 0.35, 0.2, 0.1, 0.1, 0.1)
    keeps_lead = flags(chance(rng, 0.9, count)) | ~ids["knows_lead"]
    keeps_direction = flags(chance(rng, 0.9, count)) | (second["direction"] != "outbound")
    crm = second.with_columns(
        **numbers(rng, second, crm_spelling),
        call_id="TASK-" + second["call_id"].str.slice(9),
        root_id="call_id",
        parent_call_id=pl.lit(None, dtype=pl.String),
        lead_id=pl.when(keeps_lead).then("lead_id"),
        direction=pl.when(keeps_direction).then("direction"),
        started_at=second["started_at"] + durations(shift),
        answered_at=pl.lit(None, dtype=pl.Datetime("us")),
        ended_at=pl.lit(None, dtype=pl.Datetime("us")),
        logged_by=pl.lit("crm"),
        external_call_id=pl.when(flags(is_external)).then(
            pl.coalesce(ids["external_call_id"], second["call_id"])
        ),
    )
    return primary, crm


def second_crm_rows(
    rng: np.random.Generator, crm: pl.DataFrame, primary: pl.DataFrame
) -> pl.DataFrame:
    """Further CRM rows with an external id that another CRM row has: the same call again."""
    manual = primary.filter(
        (pl.col("logged_by") == "crm") & pl.col("external_call_id").is_not_null()
    )
    paired = crm.filter(pl.col("external_call_id").is_not_null())
    parts = []
    for rows, share in ((manual, 0.5), (paired, 0.03)):
        chosen = rows.filter(flags(chance(rng, share, rows.height)))
        parts.append(chosen.select(COLUMNS))
    return pl.concat(parts).with_columns(call_id=pl.col("call_id") + "-B")


def transfers(rng: np.random.Generator, primary: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Cuts some answered calls into legs: the root row, shortened, and its further legs.

    Half of the calls only the dialer knows carry outcome and lead on the second leg. An incoming
    call's root is a queue that nobody answers; the second leg is the one that was.
    """
    size = primary.height
    can_split = (
        primary["mode"].is_in([DIALER, EXTERNAL, PAIRED])
        & primary["is_countable"]
        & primary["answered_at"].is_not_null()
        & (primary["person"].fill_null("") != "machine")
    )
    is_split = can_split & flags(chance(rng, LEG_SHARE, size))
    moved = is_split & (primary["mode"] == DIALER) & flags(chance(rng, 0.5, size))
    is_queue = is_split & (primary["direction"] == "inbound")
    talk = (pl.col("ended_at") - pl.col("answered_at")).dt.total_seconds()
    handed_on = pl.col("answered_at") + pl.duration(seconds=talk // 3)
    kept = {
        name: pl.when(moved).then(None).otherwise(pl.col(name)).alias(name)
        for name in (*OUTCOME, "lead_id")
    }
    roots = primary.with_columns(
        ended_at=pl.when(is_queue)
        .then("answered_at")
        .when(is_split)
        .then(handed_on)
        .otherwise("ended_at"),
        answered_at=pl.when(~is_queue).then("answered_at"),
        **kept,
    )

    split = primary.with_columns(is_moved=moved, is_queue=is_queue).filter(is_split)
    count = split.height
    other_rep = split["rep_id"].shift(1).fill_null(strategy="backward")
    empty = {
        name: pl.when("is_moved").then(pl.col(name)).alias(name) for name in (*OUTCOME, "lead_id")
    }
    marked = flags(chance(rng, 0.1, count))
    second = split.with_columns(
        root_id="call_id",
        call_id=pl.col("call_id") + "-2",
        parent_call_id="call_id",
        rep_id=other_rep.fill_null(split["rep_id"]),
        started_at=pl.when("is_queue").then("answered_at").otherwise(handed_on),
        answered_at=pl.when("is_queue").then("answered_at").otherwise(handed_on),
        **empty,
        is_internal=pl.when(marked).then(True),
        external_call_id=pl.lit(None, dtype=pl.String),
        note=pl.lit(None, dtype=pl.String),
    )
    again = flags(chance(rng, 0.25, count))
    third = second.filter(again).with_columns(
        call_id=pl.col("root_id") + "-3",
        parent_call_id="call_id",
        **{name: pl.lit(None, dtype=second.schema[name]) for name in (*OUTCOME, "lead_id")},
        is_internal=pl.lit(None, dtype=pl.Boolean),
        started_at="ended_at",
        answered_at="ended_at",
    )
    return roots, pl.concat([second, third])


def with_leg_ids(rng: np.random.Generator, crm: pl.DataFrame, legs: pl.DataFrame) -> pl.DataFrame:
    """CRM rows whose common id names a leg of the call instead of its root, now and then."""
    named = legs.filter(pl.col("call_id").str.ends_with("-2")).select("root_id", leg_id="call_id")
    joined = crm.join(named, on="root_id", how="left", maintain_order="left")
    names_root = pl.col("external_call_id") == pl.col("root_id")
    use_leg = flags(chance(rng, 0.7, crm.height)) & joined["leg_id"].is_not_null()
    return joined.with_columns(
        external_call_id=pl.when(use_leg & names_root).then("leg_id").otherwise("external_call_id")
    )


def orphans(
    rng: np.random.Generator, primary: pl.DataFrame, legs: pl.DataFrame
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Gives some of the dialer's calls a parent that no file has, half of them with a second leg.

    The group's id is the absent parent, which is the call's true id.
    """
    size = primary.height
    is_orphan = (
        (primary["mode"] == DIALER)
        & primary["is_countable"]
        & ~primary["is_neighbour"]
        & ~primary["call_id"].is_in(legs["root_id"].implode())
        & flags(chance(rng, ORPHAN_SHARE, size))
    )
    own_id = pl.col("call_id")
    renamed = primary.with_columns(
        parent_call_id=pl.when(is_orphan).then(own_id).otherwise("parent_call_id"),
        call_id=pl.when(is_orphan).then(own_id + "-1").otherwise(own_id),
    )
    chosen = primary.filter(is_orphan)
    second = chosen.filter(flags(chance(rng, 0.5, chosen.height))).with_columns(
        parent_call_id="call_id",
        call_id=own_id + "-2",
        started_at="ended_at",
        answered_at=pl.lit(None, dtype=pl.Datetime("us")),
        **{name: pl.lit(None, dtype=chosen.schema[name]) for name in OUTCOME},
        note=pl.lit(None, dtype=pl.String),
    )
    return renamed, second
