"""The mapping and calendar seeds: complete, consistent in themselves, and as agreed."""

from __future__ import annotations

import csv
import datetime as dt
import itertools
from collections import Counter
from pathlib import Path

import pytest

import refresh_calendar

SEEDS = Path(__file__).resolve().parents[2] / "seeds"

# seed -> column of the code, column of what the code means
CODES = {
    "lead_sources": ("source_code", "channel_id"),
    "call_outcomes": ("disposition_code", "outcome_code"),
    "meeting_outcomes": ("outcome_code", "outcome"),
    "meeting_judgements": ("judgement_code", "judgement"),
    "opportunity_stages": ("stage_code", "stage_id"),
    "lead_statuses": ("status_code", "status_id"),
    "departments": ("department_code", "department_id"),
    "loss_reasons": ("reason_code", "reason_id"),
    "rejection_reasons": ("reason_code", "reason_id"),
}
T, F = "true", "false"
# disposition -> connected, reached, information exchanged, need recorded, excluded
AGREED_DISPOSITIONS = {
    "アポ獲得": (T, "target", T, T, F),
    "担当者接続": (T, "target", F, F, F),
    "ニーズあり": (T, "target", T, T, F),
    "情報提供": (T, "target", T, F, F),
    "お断り": (T, "target", F, F, F),
    "再架電依頼": (T, "target", F, F, F),
    "受付ブロック": (T, "gatekeeper", F, F, F),
    "担当者不在": (T, "gatekeeper", F, F, F),
    "留守番電話": (F, "machine", F, F, F),
    "自動音声": (F, "machine", F, F, F),
    "fax": (F, "machine", F, F, F),
    "応答なし": (F, "", F, F, F),
    "不在": (F, "", F, F, F),
    "話中": (F, "", F, F, F),
    "番号不通": (F, "", F, F, F),
    "テスト": (F, "", F, F, T),
    "モニタリング": (F, "", F, F, T),
    "connected": (T, "", F, F, F),
    "wrong number": (T, "other", F, F, F),
}
# stage -> rank, at or beyond proposal, closed, won
AGREED_STAGES = {
    "初回商談": ("10", F, F, F),
    "ヒアリング": ("20", F, F, F),
    "提案": ("30", T, F, F),
    "見積": ("40", T, F, F),
    "交渉": ("50", T, F, F),
    "受注": ("90", T, T, T),
    "失注": ("90", F, T, F),
}


def rows(seed: str, folder: str = "mappings") -> list[dict[str, str]]:
    """Return the rows of a seed; there are some."""
    with (SEEDS / folder / f"{seed}.csv").open(encoding="utf-8", newline="") as file:
        found = list(csv.DictReader(file))
    assert found
    return found


@pytest.mark.parametrize("seed", CODES)
def test_codes_are_folded_and_unique(seed: str) -> None:
    codes = [row[CODES[seed][0]] for row in rows(seed)]
    assert all(code and code == code.strip().lower() for code in codes)
    assert [code for code, count in Counter(codes).items() if count > 1] == []


@pytest.mark.parametrize("seed", CODES)
def test_each_meaning_is_its_own_code(seed: str) -> None:
    code, meaning = CODES[seed]
    meanings = {row[code]: row[meaning] for row in rows(seed)}
    assert {target for target in meanings.values() if meanings.get(target) != target} == set()


@pytest.mark.parametrize("seed", ["call_outcomes", "opportunity_stages", "lead_statuses"])
def test_codes_of_one_meaning_carry_the_same_values(seed: str) -> None:
    code, meaning = CODES[seed]
    values: dict[str, set[tuple[str, ...]]] = {}
    for row in rows(seed):
        values.setdefault(row[meaning], set()).add(
            tuple(value for column, value in row.items() if column != code)
        )
    assert {name for name, different in values.items() if len(different) > 1} == set()


def test_channels_are_known_by_id_and_names() -> None:
    known = {row["source_code"]: row["channel_id"] for row in rows("lead_sources")}
    for channel in rows("channels"):
        names = (channel["channel_id"], channel["name_ja"].lower(), channel["name_en"].lower())
        if channel["channel_id"] == "unmapped":
            assert not set(names) & set(known)
        else:
            assert {known.get(name) for name in names} == {channel["channel_id"]}


def test_dispositions_are_as_agreed() -> None:
    columns = ("is_connected", "reached", "information_exchanged", "need_recorded", "is_excluded")
    found = {
        row["disposition_code"]: tuple(row[column] for column in columns)
        for row in rows("call_outcomes")
    }
    assert {code: found.get(code) for code in AGREED_DISPOSITIONS} == AGREED_DISPOSITIONS


def test_stages_are_as_agreed() -> None:
    columns = ("stage_rank", "is_at_or_beyond_proposal", "is_closed", "is_won")
    found = {
        row["stage_code"]: tuple(row[column] for column in columns)
        for row in rows("opportunity_stages")
    }
    assert {code: found.get(code) for code in AGREED_STAGES} == AGREED_STAGES


def test_only_a_recycle_starts_a_cycle() -> None:
    recycles = {row["status_id"] for row in rows("lead_statuses") if row["is_recycle"] == T}
    assert recycles == {"recycle"}


def test_outcomes_are_consistent() -> None:
    for row in rows("call_outcomes"):
        code = row["disposition_code"]
        if row["is_connected"] == T:
            assert row["reached"] != "machine", code
            assert row["is_excluded"] == F, code
        else:
            assert row["reached"] in ("", "machine"), code
            assert (row["information_exchanged"], row["need_recorded"]) == (F, F), code
        if row["need_recorded"] == T:
            assert row["reached"] == "target", code


def is_machine(user_agent: str) -> bool:
    """Say whether the seed takes an agent for a machine's."""
    agent = user_agent.lower()
    return any(
        agent == row["pattern"] if row["match_kind"] == "exact" else row["pattern"] in agent
        for row in rows("machine_user_agents")
    )


@pytest.mark.parametrize(
    ("user_agent", "machine"),
    [
        ("Mozilla/5.0", True),
        ("Barracuda Sentinel (EE)", True),
        ("python-requests/2.31.0", True),
        ("Mozilla/4.0 (compatible; Win32; WinHttp.WinHttpRequest.5)", True),
        (
            "Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 "
            "(via ggpht.com GoogleImageProxy)",
            False,
        ),
        ("YahooMailProxy; https://help.yahoo.com/kb/yahoo-mail-proxy-SLN28749.html", False),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 17_4 like Mac OS X) AppleWebKit/605.1.15", False),
        ("Mozilla/5.0 (Windows NT 10.0; Win64; x64) Microsoft Outlook 16.0.17328", False),
    ],
)
def test_machines_and_people_are_told_apart(user_agent: str, machine: bool) -> None:
    assert is_machine(user_agent) is machine


def test_patterns_are_folded_and_without_wildcards() -> None:
    for row in rows("machine_user_agents"):
        assert row["pattern"] == row["pattern"].lower().strip()
        assert not set(row["pattern"]) & set("%_\\"), row["pattern"]


def test_company_sizes_touch_without_overlap() -> None:
    bands = [(row["employees_from"], row["employees_to"]) for row in rows("company_sizes")]
    assert bands[0][0] == "1"
    assert bands[-1][1] == ""
    for (_, last), (first, _) in itertools.pairwise(bands):
        assert int(first) == int(last) + 1


# calendar ---------------------------------------------------------------------------------------


def test_national_holidays_are_those_of_the_package() -> None:
    wanted = [
        (day.holiday_date.isoformat(), day.name_ja, day.name_en)
        for day in refresh_calendar.national_holidays()
    ]
    found = [tuple(row.values()) for row in rows("national_holidays", "calendar")]
    assert found == wanted
    assert {int(date[:4]) for date, *_ in found} == set(range(2000, 2036))
    assert refresh_calendar.main(["--check"]) == 0


@pytest.mark.parametrize(
    ("date", "name"),
    [
        ("2019-04-30", "国民の休日"),
        ("2020-07-24", "スポーツの日"),
        ("2021-08-09", "振替休日"),
        ("2024-02-12", "振替休日"),
        ("2025-05-06", "振替休日"),
    ],
)
def test_irregular_holidays(date: str, name: str) -> None:
    names = {row["holiday_date"]: row["name_ja"] for row in rows("national_holidays", "calendar")}
    assert names.get(date) == name


def test_business_days_of_fiscal_year_2024() -> None:
    closed = {row["holiday_date"] for row in rows("national_holidays", "calendar")}
    days = [dt.date(2024, 4, 1) + dt.timedelta(days=offset) for offset in range(365)]
    counts = Counter(
        (day.year, day.month) for day in days if day.weekday() < 5 and day.isoformat() not in closed
    )
    months = sorted(counts)
    assert [counts[month] for month in months] == [
        21, 21, 20, 22, 21, 19, 22, 20, 22, 21, 18, 20,
    ]  # fmt: skip
    assert sum(counts.values()) == 247
