"""One Salesforce id in 15 and in 18 characters: the macro against an independent computation."""

from __future__ import annotations

import string

import duckdb
import jinja2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kpi_warehouse.settings import PROJECT_DIR

CHARACTERS = string.ascii_uppercase + "012345"
MACRO = PROJECT_DIR / "macros" / "staging" / "salesforce_id.sql"


def long_id(short_id: str) -> str:
    """The 18 characters of an id of 15, group by group from the last character to the first."""
    checksum = ""
    for group in (short_id[:5], short_id[5:10], short_id[10:]):
        bits = "".join("1" if c in string.ascii_uppercase else "0" for c in reversed(group))
        checksum += CHARACTERS[int(bits, 2)]
    return short_id + checksum


@pytest.fixture(scope="module")
def converted():
    """What the macro makes of ids."""
    template = jinja2.Environment(autoescape=False).from_string(MACRO.read_text("utf-8"))  # noqa: S701
    sql = str(template.module.salesforce_id("id"))
    with duckdb.connect() as connection:
        yield lambda ids: [
            value
            for _, value in connection.execute(
                f"select place, {sql} from (select unnest($ids) as id, "
                "generate_subscripts($ids, 1) as place) order by place",
                {"ids": list(ids)},
            ).fetchall()
        ]


def test_ids_that_salesforce_itself_wrote(converted):
    known = ["00Q1G00000nDnM5UAK", "0015500000Xyy06AAB", "006q000000HddohAAB", "00T1G00003Ufap9UAB"]
    assert converted([known_id[:15] for known_id in known]) == known
    assert converted(known) == known


def test_every_character_of_the_checksum_is_reached(converted):
    groups = [
        "".join("A" if number >> place & 1 else "a" for place in range(5)) for number in range(32)
    ]
    shorts = [group * 3 for group in groups]
    assert converted(shorts) == [
        short + character * 3 for short, character in zip(shorts, CHARACTERS, strict=True)
    ]


@settings(max_examples=200, deadline=None)
@given(
    st.lists(
        st.text(string.ascii_letters + string.digits, min_size=15, max_size=15),
        min_size=1,
        max_size=50,
    )
)
def test_fifteen_characters_get_their_checksum(converted, ids):
    assert converted(ids) == [long_id(short_id) for short_id in ids]


@settings(max_examples=200, deadline=None)
@given(
    st.lists(
        st.text(string.ascii_letters + string.digits + "-_+/=あ", max_size=30).filter(
            lambda text: len(text) != 15
        ),
        min_size=1,
        max_size=50,
    )
)
def test_other_lengths_stay_as_they_are(converted, ids):
    assert converted(ids) == [other_id or None for other_id in ids]


def test_blanks_around_an_id_are_none_of_it(converted):
    assert converted([" 00Q1G00000nDnM5 ", "  ", "", None]) == [
        "00Q1G00000nDnM5UAK",
        None,
        None,
        None,
    ]


def test_ids_that_differ_in_case_stay_two(converted):
    first, second = converted(["00Q1G00000nDnM5", "00Q1G00000ndnM5"])
    assert first.lower() != second.lower()
