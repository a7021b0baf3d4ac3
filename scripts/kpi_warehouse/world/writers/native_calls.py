"""Which native system recorded which call: MiiTel, Salesforce by hand, or both."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from kpi_warehouse.world.log import WorldLog
from kpi_warehouse.world.randomness import chance, generator, pick
from kpi_warehouse.world.writers.columns import flags
from kpi_warehouse.world.writers.generic_calls import (
    DIALER,
    EXTERNAL,
    MANUAL,
    PAIRED,
    described_calls,
    neighbours,
    numbers,
    orphans,
    transfers,
)
from kpi_warehouse.world.writers.identities import Doubles
from kpi_warehouse.world.writers.native_people import main_lines

LEG_STEP = 100_000_000_000_000_000
"""Sequence ids of further legs: so much above their call's, still of 19 digits."""
FORGOTTEN_SHARE = 0.6
"""Calls of which everything shows in the dialer and that nobody wrote down in the CRM."""
PAIRED_SHARE = 0.15
"""Calls written down in the CRM by hand although the dialer has them: no common id."""
DIALER_SPELLING = (0.6, 0.2, 0.2, 0.0, 0.0, 0.0)
"""How the dialer writes numbers, by `PHONE_SPELLINGS`."""
LEG_SUFFIXES = {"-1": 3, "-2": 1, "-3": 2}


@dataclass(frozen=True)
class NativeCalls:
    """Every call once in each system that recorded it.

    Attributes:
        dialled: Rows of the dialer, one per leg: call_id and parent_call_id as 19-digit sequence
            ids, kind of leg (`first`, `transfer`, `internal`), rep, numbers, times, `has_task`.
        written: Calls that the CRM has as a task: what was recorded, `mode`, `external_call_id`
            (the sequence id that the task names; null: none).
        traps: Name → count of what was planted.
    """

    dialled: pl.DataFrame
    written: pl.DataFrame
    traps: dict[str, int]


def native_calls(log: WorldLog, doubles: Doubles) -> NativeCalls:
    """Spreads the log's calls over the systems."""
    rng = generator(log.seed, "writers/native_calls")
    described, traps = described_calls(log, doubles, rng)
    mode = native_modes(rng, log, described)
    calls = described.with_columns(
        mode=mode,
        **numbers(rng, described, DIALER_SPELLING),
        parent_call_id=pl.lit(None, dtype=pl.String),
        external_call_id=pl.lit(None, dtype=pl.String),
        logged_by=pl.lit("dialer"),
    )
    primary = calls.filter(pl.col("mode") != MANUAL)
    roots, legs = transfers(rng, primary)
    roots, orphan_legs = orphans(rng, roots, legs)
    marked = legs["is_internal"].fill_null(False)
    parts = [
        roots.with_columns(leg=pl.lit("first")),
        legs.with_columns(
            leg=pl.when(marked).then(pl.lit("internal")).otherwise(pl.lit("transfer"))
        ),
        orphan_legs.with_columns(leg=pl.lit("transfer")),
    ]
    columns = (
        *("call_id", "parent_call_id", "rep_id", "direction", "is_internal", "from_number"),
        *("to_number", "started_at", "answered_at", "ended_at", "note", "true_lead_id", "leg"),
        "mode",
    )
    dialled = pl.concat([part.select(columns) for part in parts]).sort("started_at", "call_id")
    dialled = dialled.with_columns(
        sequence_id("call_id"), sequence_id("parent_call_id"), has_task=pl.col("mode") == EXTERNAL
    )
    written, named_legs = written_calls(rng, calls, legs)
    return NativeCalls(
        dialled=dialled,
        written=written,
        traps=traps
        | {
            "call_logged_twice_with_external_id": int((mode == EXTERNAL).sum()),
            "call_logged_twice_without_external_id": int((mode == PAIRED).sum()),
            "call_logged_by_crm_only": int((mode == MANUAL).sum()),
            "call_found_by_number_only": int(
                ((mode == DIALER) & described["true_lead_id"].is_not_null().to_numpy()).sum()
            ),
            "call_transferred": legs["parent_call_id"].is_in(primary["call_id"].implode()).sum(),
            "call_transferred_twice": legs["parent_call_id"].is_in(legs["call_id"].implode()).sum(),
            "call_leg_marked_internal": int(marked.sum()),
            "call_with_parent_in_no_file": roots["parent_call_id"].is_not_null().sum(),
            "call_task_naming_a_leg": named_legs,
        },
    )


def native_modes(rng: np.random.Generator, log: WorldLog, calls: pl.DataFrame) -> np.ndarray:
    """Who recorded each call.

    The dialer knows who called whom, when, and whether it was answered. Whatever else there is to
    say of a call needs a task: a test, whom it reached, what was talked about, a machine that
    answered, or a lead that no number leads to.
    """
    size = calls.height
    mode = pick(rng, (0.3, 0.45, PAIRED_SHARE, 0.10), size)
    mode = np.array([DIALER, EXTERNAL, PAIRED, MANUAL])[mode]
    truth = log.calls.select("person", "answered_at", "information_exchanged", "need_recorded")
    person = truth["person"].fill_null("")
    is_outbound = log.calls["direction"] == "outbound"
    talked = truth["information_exchanged"] | truth["need_recorded"] | (person == "target")
    machine = (person == "machine") & truth["answered_at"].is_not_null()
    is_lost = calls["lead_id"].is_not_null() & calls["true_lead_id"].is_null()
    counts = calls["is_countable"]
    is_marked = (calls["direction"] == "internal") | calls["is_internal"].fill_null(False)
    speaks = (counts & ((is_outbound & (talked | machine)) | is_lost)) | (~counts & ~is_marked)
    speaks = speaks.to_numpy()
    mode = np.where(speaks & (mode == DIALER), EXTERNAL, mode)
    forget = chance(rng, FORGOTTEN_SHARE, size) & np.isin(mode, (EXTERNAL, PAIRED))
    mode = np.where(~speaks & forget, DIALER, mode)
    # By rep and time alone no other call may be near: a task has no number of its own.
    alone = ~neighbours(calls.with_columns(phone=pl.lit("0"))).to_numpy()
    # Of a lead that gave a main line, the task's number is another one than was dialled.
    has_number = calls["true_lead_id"].is_in(leads_with_own_line(log).implode())
    has_number = has_number.fill_null(False).to_numpy()
    by_hand = np.isin(mode, (PAIRED, MANUAL))
    may_be_by_hand = counts.to_numpy() & alone
    may_pair = may_be_by_hand & has_number
    # Without any outcome only the dialer tells that somebody answered.
    says_nothing = (
        calls["disposition"].is_null()
        & calls["reached"].is_null()
        & truth["answered_at"].is_not_null()
    ).to_numpy()
    mode = np.where((mode == MANUAL) & says_nothing, EXTERNAL, mode)
    mode = np.where(by_hand & ~may_be_by_hand, EXTERNAL, mode)
    mode = np.where((mode == PAIRED) & ~may_pair, EXTERNAL, mode)
    return np.where(is_marked.to_numpy() & ~counts.to_numpy(), DIALER, mode)


def leads_with_own_line(log: WorldLog) -> pl.Series:
    """The leads whose first number is theirs alone."""
    shared = main_lines(log)
    return log.leads.join(shared, on="account_id", how="anti")["lead_id"]


def sequence_id(column: str) -> pl.Expr:
    """Ids of legs as 19-digit sequence ids."""
    root, suffix = pl.col(column).str.slice(0, 19), pl.col(column).str.slice(19)
    step = suffix.replace_strict(LEG_SUFFIXES, default=0, return_dtype=pl.Int64)
    return (root.cast(pl.Int64) + step * LEG_STEP).cast(pl.String).alias(column)


def written_calls(
    rng: np.random.Generator, calls: pl.DataFrame, legs: pl.DataFrame
) -> tuple[pl.DataFrame, int]:
    """The calls that the CRM has, and how many of them name a leg instead of the call."""
    written = calls.filter(pl.col("mode").is_in([EXTERNAL, PAIRED, MANUAL]))
    named = legs.filter(pl.col("call_id").str.ends_with("-2")).select(
        root_id="root_id", leg_id="call_id"
    )
    written = written.join(
        named, left_on="call_id", right_on="root_id", how="left", maintain_order="left"
    )
    is_external = written["mode"] == EXTERNAL
    use_leg = (
        flags(chance(rng, 0.5, written.height)) & written["leg_id"].is_not_null() & is_external
    )
    # A task may name a call that the dialer's export no longer has.
    is_gone = flags(chance(rng, 0.15, written.height)) & (written["mode"] == MANUAL)
    gone = (pl.col("call_id").cast(pl.Int64) + 4 * LEG_STEP).cast(pl.String)
    rows = written.with_columns(
        external_call_id=pl.when(use_leg).then("leg_id").when(is_external).then("call_id")
    ).with_columns(sequence_id("external_call_id"))
    rows = rows.with_columns(
        external_call_id=pl.when(is_gone).then(gone).otherwise("external_call_id")
    )
    return rows, int(use_leg.sum())
