"""The sample world: reproducible, in proportion, plausible, and full of the traps it promises."""

from __future__ import annotations

import csv
import hashlib
import json
import time
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from kpi_warehouse.errors import UserError
from kpi_warehouse.world import WorldLog, WorldOptions, simulate, write_sample
from kpi_warehouse.world.clock import day_number, japan_day, make_calendar, utc_seconds
from kpi_warehouse.world.log import SCHEMAS
from kpi_warehouse.world.people import BDR_TEAM, SDR_TEAM
from kpi_warehouse.world.rates import load_rates
from kpi_warehouse.world.writers.files import FILE_FORMATS, overlapping_parts
from kpi_warehouse.world.writers.generic import write_generic
from kpi_warehouse.world.writers.identities import PHONE_SPELLINGS, spelled

PROJECT = Path(__file__).resolve().parents[2]
JAPAN = timedelta(hours=9)
PEOPLE = ("target", "gatekeeper", "other")


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> tuple[WorldLog, Path]:
    """The default world and its generic extracts."""
    out = tmp_path_factory.mktemp("sample")
    return write_sample(out, sample_format="generic"), out


@pytest.fixture(scope="module")
def world(sample: tuple[WorldLog, Path]) -> WorldLog:
    return sample[0]


def digest(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def activities(log: WorldLog) -> int:
    return sum(part.height for part in (log.calls, log.emails, log.touches, log.appointments))


def frames(log: WorldLog) -> dict[str, pl.DataFrame]:
    return {name: getattr(log, name) for name in SCHEMAS}


def dials(log: WorldLog) -> pl.DataFrame:
    return log.calls.filter("is_countable", pl.col("direction") == "outbound")


def approaches(log: WorldLog) -> pl.DataFrame:
    one_to_one = log.emails.filter(pl.col("kind") == "one_to_one")
    outbound = log.touches.filter(pl.col("direction") == "outbound")
    return pl.concat(
        [
            dials(log).select("lead_id", at="started_at"),
            one_to_one.select("lead_id", at="sent_at"),
            outbound.select("lead_id", at="occurred_at"),
        ]
    ).filter(pl.col("lead_id").is_not_null())


@pytest.mark.parametrize("file_format", FILE_FORMATS)
def test_equal_options_give_equal_bytes(tmp_path: Path, file_format: str) -> None:
    options = WorldOptions(seed=7, activities=1_000)
    for name in ("first", "second"):
        write_sample(tmp_path / name, options, "generic", file_format)
    assert len(digest(tmp_path / "first")) > 20
    assert digest(tmp_path / "first") == digest(tmp_path / "second")


def test_another_seed_gives_another_world(tmp_path: Path) -> None:
    for seed in (1, 2):
        options = WorldOptions(seed=seed, activities=1_000)
        write_sample(tmp_path / str(seed), options, "generic")
    first, second = digest(tmp_path / "1"), digest(tmp_path / "2")
    assert first.keys() == second.keys()
    same = {name for name in first if first[name] == second[name]}
    planned = {"company_holidays", "kgi", "targets"}
    assert same <= {"generic/users.csv", *(f"planning/{name}.csv" for name in planned)}


@pytest.mark.parametrize("wanted", [100, 300, 5_000])
def test_small_worlds_have_the_wanted_volume(wanted: int) -> None:
    started = time.monotonic()
    log = simulate(WorldOptions(seed=3, activities=wanted))
    assert time.monotonic() - started < 5
    assert abs(activities(log) - wanted) <= 0.25 * wanted
    assert {SDR_TEAM, BDR_TEAM} <= set(log.users["team"])


def test_the_default_world_has_the_wanted_volume(world: WorldLog) -> None:
    assert abs(activities(world) - 250_000) <= 2_500
    assert world.leads.height == 20_000
    inside = world.users.filter(pl.col("department") == "inside_sales")
    assert inside["user_id"].n_unique() == 12
    per_day = dials(world).group_by("rep_id", pl.col("started_at").dt.date()).len()["len"].mean()
    assert 10 < per_day < 60


def test_frames_have_the_columns_and_types_of_the_log(world: WorldLog) -> None:
    assert {name: dict(frame.schema) for name, frame in frames(world).items()} == SCHEMAS


@pytest.mark.parametrize("seed", range(5))
def test_tiny_worlds_are_written_in_whole(tmp_path: Path, seed: int) -> None:
    log = write_sample(tmp_path, WorldOptions(seed=seed, activities=100), "generic")
    assert log.leads.height == 8
    assert (tmp_path / "sample.json").exists()


def test_all_channels_are_present(world: WorldLog) -> None:
    assert set(world.leads["channel_id"]) == set(load_rates().channels)
    assert len(load_rates().channels) == 21


def test_the_mapping_knows_all_sources_but_the_unmapped(world: WorldLog) -> None:
    with (PROJECT / "seeds/mappings/lead_sources.csv").open(encoding="utf-8") as file:
        mapping = {row["source_code"]: row["channel_id"] for row in csv.DictReader(file)}
    pairs = world.leads.select("source", "channel_id").unique().rows()
    assert len(pairs) > 40
    for source, channel in pairs:
        code = (source or "").strip().lower()
        expected = mapping.get(code, "unmapped") if code else "unknown"
        assert expected == channel, source


def test_every_trap_is_planted(world: WorldLog) -> None:
    assert len(world.traps) > 90
    assert [name for name, count in world.traps.items() if count == 0] == []


def test_ids_are_unique(world: WorldLog) -> None:
    for name, column in {
        "leads": "lead_id",
        "calls": "call_id",
        "touches": "touch_id",
        "appointments": "appointment_id",
        "opportunities": "opportunity_id",
    }.items():
        assert frames(world)[name][column].is_unique().all(), name
    assert not world.emails.select("message_id", "recipient_no").is_duplicated().any()
    assert not world.permissions.select("lead_id", "granted_at").is_duplicated().any()
    assert not world.attendance.select("rep_id", "work_date").is_duplicated().any()
    assert not world.leads["phone"].is_duplicated().any()


def test_references_lead_to_rows(world: WorldLog) -> None:
    for name, frame in frames(world).items():
        for column, ids in {
            "lead_id": world.leads["lead_id"],
            "rep_id": world.users["user_id"],
            "owner_id": world.users["user_id"],
            "booked_by_id": world.users["user_id"],
            "created_by_id": world.users["user_id"],
            "opportunity_id": world.opportunities["opportunity_id"],
        }.items():
            if column in frame.columns:
                lost = frame[column].drop_nulls().is_in(ids.implode()).not_()
                assert not lost.any(), f"{name}.{column}"


def test_no_approach_lies_outside_its_lead_s_life(world: WorldLog) -> None:
    made = approaches(world).join(world.leads.select("lead_id", "created_at"), on="lead_id")
    assert made.height > 100_000
    assert made.filter(pl.col("at") < pl.col("created_at")).is_empty()
    end = datetime.combine(world.as_of_date + timedelta(days=22), datetime.min.time()) - JAPAN
    assert made["at"].max() < end


def test_approaches_of_a_lead_are_ten_minutes_apart_but_for_redials(world: WorldLog) -> None:
    gap = (
        approaches(world)
        .sort("lead_id", "at")
        .select(gap=(pl.col("at") - pl.col("at").shift(1).over("lead_id")).dt.total_seconds())
        .drop_nulls()["gap"]
    )
    assert gap.min() > 20
    assert gap.is_between(60, 599).not_().all()


def test_dials_happen_on_business_days_but_for_those_at_month_ends(world: WorldLog) -> None:
    calendar = make_calendar(date(2024, 10, 1), world.as_of_date, 21)
    local = dials(world).filter(pl.col("lead_id").is_not_null())["started_at"] + JAPAN
    days = set(local.dt.date())
    business = {day_number(day) for day in days} - set(calendar.business_days.tolist())
    assert business == set()
    assert local.dt.hour().is_between(8, 20).all()
    assert (local.dt.hour().is_between(9, 18)).mean() > 0.9


def test_months_hold_business_days_like_the_national_calendar() -> None:
    calendar = make_calendar(date(2024, 4, 1), date(2025, 3, 31), 1)
    closed = set(calendar.company_holidays["date"])
    days = {date.fromordinal(int(n) + date(1970, 1, 1).toordinal()) for n in calendar.business_days}
    may = [day for day in days if (day.year, day.month) == (2024, 5)]
    assert len(may) == 21
    assert not closed & days
    assert date(2024, 8, 14) in closed


def test_a_japanese_day_begins_at_fifteen_o_clock_utc() -> None:
    fiscal_year = day_number(date(2025, 4, 1))
    start = int(utc_seconds(fiscal_year, 0))
    assert datetime.fromtimestamp(start, UTC) == datetime(2025, 3, 31, 15, tzinfo=UTC)
    assert japan_day(start) == fiscal_year
    assert japan_day(start - 1) == fiscal_year - 1


def test_observed_rates_are_near_the_rates_file(world: WorldLog) -> None:
    rates = load_rates()
    called = dials(world).join(world.leads, on="lead_id")
    observed = called.group_by("channel_id").agg(
        dials=pl.len(),
        connection=pl.col("person").is_in(PEOPLE).fill_null(False).mean(),
    )
    assert observed.filter(pl.col("dials") > 2_000).height > 10
    for channel, count, connection in observed.filter(pl.col("dials") > 2_000).rows():
        position = rates.position(channel)
        team = rates.tables["teams"][("SDR", "BDR")[rates.motion[position]]]
        expected = rates.by_channel["connection"][position] * team["connection"]
        assert connection == pytest.approx(expected, abs=4 * (0.25 / count) ** 0.5 + 0.015), channel

    ended = world.appointments.filter(pl.col("outcome").is_not_null())["outcome"]
    assert (ended == "held").mean() == pytest.approx(0.85, abs=0.03)
    assert (ended == "no_show").mean() == pytest.approx(0.07, abs=0.02)
    judged = world.appointments["judgement"].drop_nulls()
    assert (judged == "qualified").mean() == pytest.approx(0.6, abs=0.06)
    bulk = world.emails.filter(pl.col("kind") == "bulk")
    assert bulk["bounced_at"].is_not_null().mean() == pytest.approx(0.018, abs=0.004)
    assert bulk["human_opened_at"].is_not_null().mean() == pytest.approx(0.19, abs=0.02)


def test_the_funnel_narrows_to_plausible_wins(world: WorldLog) -> None:
    handed = world.leads.filter(pl.col("handed_over_at").is_not_null())
    won = world.stage_events.filter(pl.col("stage") == "受注").join(
        world.opportunities, on="opportunity_id"
    )
    lucky = handed.join(won, on="lead_id", how="semi").height / handed.height
    assert 0.15 < lucky < 0.30
    booked = world.appointments.group_by(pl.col("booked_at").dt.month()).len()
    by_month = dict(booked.rows())
    assert by_month[3] > 1.3 * by_month[8]


def test_closes_that_were_undone_lie_before_the_as_of_date(world: WorldLog) -> None:
    end = datetime.combine(world.as_of_date + timedelta(days=1), datetime.min.time()) - JAPAN
    closing = pl.col("stage").is_in(["受注", "失注"])
    deals = world.stage_events.group_by("opportunity_id").agg(
        closed=closing.filter(pl.col("entered_at") < end).last(),
        later=(pl.col("entered_at") >= end).any(),
    )
    assert deals.filter("later").height > 50
    assert deals.filter("later", "closed").is_empty()


def test_stages_of_a_deal_lie_on_different_days(world: WorldLog) -> None:
    days = world.stage_events.with_columns(day=(pl.col("entered_at") + JAPAN).dt.date())
    assert not days.select("opportunity_id", "day").is_duplicated().any()
    first = days.group_by("opportunity_id").agg(first=pl.col("entered_at").min())
    deals = world.opportunities.join(first, on="opportunity_id")
    assert deals.height == world.opportunities.height
    assert (deals["first"] == deals["created_at"]).all()


def test_extracts_name_no_lead_but_those_known_and_those_lost(
    sample: tuple[WorldLog, Path],
) -> None:
    log, out = sample
    leads = pl.read_csv(out / "generic/leads_2.csv", infer_schema=False)
    assert leads["lead_id"].is_unique().all()
    assert leads.height == log.leads.height + log.traps["lead_merged"]
    lost: list[str] = []
    for name in ("calls_1", "calls_2", "emails", "touches", "appointments", "permissions"):
        rows = pl.read_csv(out / f"generic/{name}.csv", infer_schema=False)
        lost += rows.join(leads, on="lead_id", how="anti")["lead_id"].drop_nulls().to_list()
    missing = log.traps["call_naming_missing_lead"] + log.traps["mail_naming_missing_lead"]
    assert len(set(lost)) == missing


def test_parts_overlap_without_a_gap() -> None:
    frame = pl.DataFrame({"n": range(100)})
    first, second = overlapping_parts(frame, 0.02)
    assert first.height + second.height == 102
    assert pl.concat([first, second]).unique(maintain_order=True).equals(frame)


def test_all_spellings_of_a_number_are_one_number() -> None:
    numbers = pl.Series(["+81301234567"] * len(PHONE_SPELLINGS))
    texts = spelled(numbers, pl.Series(range(len(PHONE_SPELLINGS))).to_numpy())
    assert texts.to_list() == [
        "+81301234567",
        "03-0123-4567",
        "0301234567",
        "+81-3-0123-4567",
        "+81 (0)3 0123 4567",
        "301234567",
    ]


def test_timestamps_are_utc_text_in_csv_and_instants_in_parquet(tmp_path: Path) -> None:
    log = simulate(WorldOptions(activities=300))
    for file_format in FILE_FORMATS:
        write_generic(log, tmp_path / file_format, file_format)
    text = pl.read_csv(tmp_path / "csv/generic/emails.csv", infer_schema=False)["sent_at"]
    assert text.str.contains(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$").all()
    typed = pl.read_parquet(tmp_path / "parquet/generic/emails.parquet")["sent_at"]
    assert typed.dt.strftime("%Y-%m-%dT%H:%M:%SZ").to_list() == text.to_list()
    lines = (tmp_path / "jsonl/generic/emails.jsonl").read_text(encoding="utf-8").splitlines()
    assert [json.loads(line)["sent_at"] for line in lines] == text.to_list()


def test_the_note_tells_what_the_sample_was_made_from(sample: tuple[WorldLog, Path]) -> None:
    log, out = sample
    note = json.loads((out / "sample.json").read_text(encoding="utf-8"))
    assert note["seed"] == log.seed
    assert note["as_of_date"] == "2026-09-30"
    assert note["traps"] == log.traps


def test_a_sample_replaces_a_sample_and_nothing_else(tmp_path: Path) -> None:
    options = WorldOptions(activities=100)
    write_sample(tmp_path, options, "generic", "jsonl")
    write_sample(tmp_path, options, "generic")
    assert not list(tmp_path.rglob("*.jsonl"))
    (tmp_path / "sample.json").unlink()
    with pytest.raises(UserError, match="no sample"):
        write_sample(tmp_path, options)


def test_a_sample_that_was_stopped_leaves_what_was_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = WorldOptions(activities=100)
    out = tmp_path / "extracts"
    write_sample(out, options)
    before = {path: path.read_bytes() for path in out.rglob("*") if path.is_file()}

    def stopped(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("kpi_warehouse.world.sample.write_planning", stopped)
    with pytest.raises(KeyboardInterrupt):
        write_sample(out, options, "generic", "jsonl")
    assert {path: path.read_bytes() for path in out.rglob("*") if path.is_file()} == before
    assert [path.name for path in tmp_path.iterdir()] == ["extracts"]


@pytest.mark.parametrize(
    "wrong",
    [
        {"activities": 99},
        {"activities": 10_000_001},
        {"seed": -1},
        {"leads": 0},
        {"start": date(2026, 9, 1)},
    ],
)
def test_options_out_of_range_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        replace(WorldOptions(), **wrong)
