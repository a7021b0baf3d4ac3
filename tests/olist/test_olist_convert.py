"""The converter itself, on three leads; needs no data."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
from convert import convert, utc

LEADS = """\
mql_id,first_contact_date,landing_page_id,origin
a1,2018-02-01,p1,social
b2,2018-03-08,p1,
c3,2018-05-31,p1,unknown
"""
DEALS = """\
mql_id,seller_id,sdr_id,sr_id,won_date
a1,s1,rep1,rep2,2018-02-26 19:58:54
b2,s2,rep2,rep3,2018-03-01 02:00:00
"""


@pytest.fixture
def extracts(tmp_path: Path) -> dict[str, list[dict[str, str]]]:
    """The converted files by name."""
    (tmp_path / "marketing_qualified_leads.csv").write_text(LEADS, encoding="utf-8")
    (tmp_path / "closed_deals.csv").write_text(DEALS, encoding="utf-8")
    convert(tmp_path, tmp_path / "out")
    found = {}
    for path in (tmp_path / "out" / "generic").iterdir():
        with path.open(encoding="utf-8", newline="") as file:
            found[path.stem] = list(csv.DictReader(file))
    return found


def test_local_times_become_utc() -> None:
    assert utc("2018-02-01") == "2018-01-31T15:00:00Z"
    assert utc("2018-03-01 02:00:00") == "2018-02-28T17:00:00Z"


def test_every_lead_is_handed_over_when_it_comes(
    extracts: dict[str, list[dict[str, str]]],
) -> None:
    assert extracts["leads"][0] == {
        "lead_id": "a1",
        "created_at": "2018-01-31T15:00:00Z",
        "source": "social",
        "handed_over_at": "2018-01-31T15:00:00Z",
    }


def test_an_empty_origin_is_not_the_origin_unknown(
    extracts: dict[str, list[dict[str, str]]],
) -> None:
    assert [lead["source"] for lead in extracts["leads"]] == ["social", "", "unknown"]


def test_a_deal_is_won_when_it_is_created(extracts: dict[str, list[dict[str, str]]]) -> None:
    deal = extracts["opportunities"][1]
    assert deal["lead_id"] == "b2"
    assert deal["created_at"] == "2018-02-28T17:00:00Z"
    # the close date is the business zone's own, not the one of UTC
    assert deal["close_date"] == "2018-03-01"
    assert (deal["stage"], deal["is_closed"], deal["is_won"]) == ("won", "true", "true")
    assert (deal["created_by_id"], deal["owner_id"]) == ("rep2", "rep3")
    history = extracts["opportunity_stage_history"]
    assert [row["opportunity_id"] for row in history] == [
        row["opportunity_id"] for row in extracts["opportunities"]
    ]
    assert history[1]["entered_at"] == "2018-02-28T17:00:00Z"


def test_a_user_is_listed_once_in_one_department(
    extracts: dict[str, list[dict[str, str]]],
) -> None:
    assert [(user["user_id"], user["department"]) for user in extracts["users"]] == [
        ("rep1", "inside_sales"),
        ("rep2", "inside_sales"),
        ("rep3", "field_sales"),
    ]
