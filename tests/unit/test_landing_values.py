"""The forms of values that real files hold, each by name, and what they are landed as."""

from __future__ import annotations

import atexit
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest

from kpi_warehouse.landing.values import Formats, ValueFinding, read_formats
from kpi_warehouse.landing.values.companies import company_key
from kpi_warehouse.settings import PROJECT_DIR

SEED = PROJECT_DIR / "seeds" / "sources" / "source_formats.csv"
HEADER = "system,object,column_name,kind,form,time_zone,note\n"


@cache
def engine() -> duckdb.DuckDBPyConnection:
    """One connection for all columns: most tests need many, and each costs."""
    connection = duckdb.connect()
    connection.execute("set TimeZone = 'UTC'")
    atexit.register(connection.close)
    return connection


def land_columns(
    formats: Formats,
    texts: Sequence[str | None],
    data_types: Sequence[str],
    column_name: str = "value",
    system: str = "generic",
) -> tuple[list[tuple[str | None, ...]], list[ValueFinding]]:
    """Land a column of texts once per type; rows are numbered from 1."""
    values = formats.for_file(system, "calls", "calls.csv")
    values.prepare(engine())
    selected = ", ".join(
        values.expression(column_name, data_type, "text", "row_number") for data_type in data_types
    )
    rows = pa.table(
        {
            "text": pa.array(texts, pa.string()),
            "row_number": pa.array(range(1, len(texts) + 1), pa.int64()),
        }
    )
    engine().register("rows", rows)
    landed = engine().execute(f"select {selected} from rows order by row_number").fetchall()
    return list(zip(*landed, strict=True)), values.findings()


def land_texts(
    formats: Formats,
    texts: Sequence[str | None],
    data_type: str,
    column_name: str = "value",
    system: str = "generic",
) -> tuple[list[str | None], list[ValueFinding]]:
    """Land a column of texts of one type."""
    (landed,), findings = land_columns(formats, texts, [data_type], column_name, system)
    return list(landed), findings


@pytest.fixture(scope="session")
def shipped() -> Formats:
    return read_formats(SEED)


@pytest.fixture
def declared(tmp_path: Path) -> Callable[..., Formats]:
    """Formats of rows `kind,form,time_zone`, for every column."""

    def formats(*rows: str) -> Formats:
        path = tmp_path / "source_formats.csv"
        path.write_text(HEADER + "".join(f"*,*,*,{row},\n" for row in rows), "utf-8")
        return read_formats(path)

    return formats


def _is_read(formats: Formats, data_type: str, text: str, expected: object, **where: str) -> None:
    assert land_texts(formats, [text], data_type, **where)[0] == [expected]


@pytest.mark.parametrize(
    "text",
    [
        "2025-04-01T09:30:00.000+0000",
        "2025-04-01T09:30:00Z",
        "2025-04-01 09:30:00",
        "2025-04-01 09:30",
        "2025-04-01T18:30:00+09:00",
        "2025-04-01T18:30:00+09",
        "2025-04-01",
    ],
)
def test_good_iso_stays_as_it_is(shipped, text):
    _is_read(shipped, "timestamp", text, text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2025/4/1 9:30", "2025-04-01 09:30:00"),
        ("2025/04/01 09:30:15", "2025-04-01 09:30:15"),
        ("2025/4/1", "2025-04-01 00:00:00"),
        ("2025/4/1(火) 9:30", "2025-04-01 09:30:00"),
        ("２０２５/４/１　９：３０", "2025-04-01 09:30:00"),
        ("２０２５-０４-０１ ０９:３０:００", "2025-04-01 09:30:00"),
        ("2025年4月1日", "2025-04-01 00:00:00"),
        ("2025年4月1日 9時30分", "2025-04-01 09:30:00"),
        ("2025年4月1日9時5分3秒", "2025-04-01 09:05:03"),
        ("2025年4月1日 午後3時5分", "2025-04-01 15:05:00"),
        ("2025.4.1", "2025-04-01 00:00:00"),
        ("令和7年4月1日", "2025-04-01 00:00:00"),
        ("令和７年４月１日", "2025-04-01 00:00:00"),
        ("㋿7年4月1日", "2025-04-01 00:00:00"),
        ("R7.4.1", "2025-04-01 00:00:00"),
        ("R7/4/1 9:30", "2025-04-01 09:30:00"),
        ("令和元年5月1日", "2019-05-01 00:00:00"),
        ("平成31年4月30日", "2019-04-30 00:00:00"),
        ("H31.4.30", "2019-04-30 00:00:00"),
        ("平成元年1月8日", "1989-01-08 00:00:00"),
        ("昭和64年1月7日", "1989-01-07 00:00:00"),
        ("S64.1.7", "1989-01-07 00:00:00"),
        ("2025-04-01 9:30 PM", "2025-04-01 21:30:00"),
        ("2025-04-01 12:05 AM", "2025-04-01 00:05:00"),
        ("2025-04-01 18:30:00 +09:00", "2025-04-01 09:30:00"),
        ("2025-04-01 09:30:00,123", "2025-04-01 09:30:00.123"),
        ("  2025-04-01 09:30  ", "2025-04-01 09:30"),
        (" ", None),
        (None, None),
    ],
)
def test_a_written_time_in_utc(shipped, text, expected):
    _is_read(shipped, "timestamp", text, expected)


@pytest.mark.parametrize(
    "text",
    [
        "soon",
        "2025-02-30",
        "令和元年4月30日",
        "平成31年5月1日",
        "昭和64年1月8日",
        "令和0年5月1日",
        "2025-04-01 25:00",
        "2025-04-01 13:00 PM",
        "1/4/2025",
        "20250401",
        "9999-12-31T23:59:59-99:00",
    ],
)
def test_what_is_no_time_or_not_declared_is_left_for_staging_to_report(shipped, text):
    assert land_texts(shipped, [text], "timestamp") == ([text], [])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2025-04-01 09:30:00", "2025-04-01 00:30:00"),
        ("2025/4/1 9:30", "2025-04-01 00:30:00"),
        ("2025/04/01 09:30:00", "2025-04-01 00:30:00"),
        ("2025-04-01", "2025-03-31 15:00:00"),
        ("2025年4月1日 9:30", "2025-04-01 00:30:00"),
        ("2025-04-01T09:30:00+09:00", "2025-04-01T09:30:00+09:00"),
        ("2025-04-01 09:30:00-05", "2025-04-01 09:30:00-05"),
        ("2025-04-01T09:30:00Z", "2025-04-01T09:30:00Z"),
        ("2025/4/1 9:30 JST", "2025-04-01 00:30:00"),
        ("2025/4/1 9:30Z", "2025-04-01 09:30:00"),
        ("1950-07-01 00:00:00", "1950-06-30 14:00:00"),  # Japan's summer time of those years
    ],
)
def test_a_naive_time_is_in_the_zone_that_is_declared_and_one_with_an_offset_is_not(
    shipped, text, expected
):
    _is_read(shipped, "timestamp", text, expected, system="miitel")


def test_a_report_export_shows_the_users_clock_and_an_api_export_utc(shipped):
    texts = ["2025-04-01T09:30:00.000+0000", "2025-04-01 09:30:00", "2025/04/01 9:30"]
    landed, _ = land_texts(shipped, texts, "timestamp", system="salesforce")
    assert landed == [texts[0], texts[1], "2025-04-01 00:30:00"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2025-07-01 09:30:00", "2025-07-01 13:30:00"),
        ("2025-01-01 09:30:00", "2025-01-01 14:30:00"),
        ("2025-11-02 01:30:00", "2025-11-02 05:30:00"),  # shown twice: the first
    ],
)
def test_a_zone_with_summer_time(declared, text, expected):
    formats = declared("timestamp,iso,America/New_York")
    _is_read(formats, "timestamp", text, expected)


def test_a_naive_time_of_no_declared_form_is_not_taken_for_utc(shipped, declared):
    tokyo = declared("timestamp,japanese,Asia/Tokyo")
    texts = ["2025-04-01 09:30:00", "2025/4/1 9:30", "2025年4月1日 9:30", "soon"]
    assert land_texts(tokyo, texts, "timestamp") == (
        [None, None, "2025-04-01 00:30:00", "soon"],
        [ValueFinding("value", "undeclared_form", 1, 2)],
    )
    # where all clocks are in UTC, staging's own reading is right
    text = "2025-04-01 09:30:00 Asia/Tokyo"
    assert land_texts(shipped, [text], "timestamp") == ([text], [])


def test_a_spreadsheets_days_are_repaired_and_said(shipped):
    texts = ["2025-04-01", "45748", "45748.395833", "45748.9999999", "123", "457480"]
    landed, findings = land_texts(shipped, texts, "timestamp")
    assert landed == [
        "2025-04-01",
        "2025-04-01 00:00:00",
        "2025-04-01 09:30:00",
        "2025-04-02 00:00:00",
        "123",
        "457480",
    ]
    assert findings == [ValueFinding("value", "spreadsheet_date_repaired", 2, 3)]
    assert land_texts(shipped, ["45748.9"], "date")[0] == ["2025-04-01"]
    assert land_texts(shipped, ["45748.5"], "timestamp", system="miitel")[0] == [
        "2025-04-01 03:00:00"
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1743467400", "2025-04-01 00:30:00"),
        ("1743467400.25", "2025-04-01 00:30:00.25"),
        ("999999999", "2001-09-09 01:46:39"),
        ("2025-04-01T00:30:00Z", "2025-04-01T00:30:00Z"),
    ],
)
def test_seconds_of_a_mail_event(shipped, text, expected):
    _is_read(shipped, "timestamp", text, expected, system="sendgrid")


@pytest.mark.parametrize(
    ("text", "expected"),
    [("1743467400000", "2025-04-01 00:30:00"), ("1743467400123", "2025-04-01 00:30:00.123")],
)
def test_milliseconds_are_no_seconds(declared, text, expected):
    formats = declared("timestamp,epoch_milliseconds,", "timestamp,epoch_seconds,")
    _is_read(formats, "timestamp", text, expected)
    # the reader in Python agrees with the short cut
    _is_read(formats, "timestamp", f" {text}", expected)


@pytest.mark.parametrize(
    ("form", "text", "expected"),
    [
        ("day_first", "1/4/2025", "2025-04-01 00:00:00"),
        ("day_first", "01/04/2025 09:30", "2025-04-01 09:30:00"),
        ("day_first", "01.04.2025 09:30:15", "2025-04-01 09:30:15"),
        ("day_first", "31/1/2025", "2025-01-31 00:00:00"),
        ("day_first", "1/31/2025", "1/31/2025"),
        ("month_first", "4/1/2025", "2025-04-01 00:00:00"),
        ("month_first", "4/1/2025 9:30 AM", "2025-04-01 09:30:00"),
        ("month_first", "1/31/2025", "2025-01-31 00:00:00"),
        ("month_first", "31/1/2025", "31/1/2025"),
    ],
)
def test_the_order_of_day_and_month_is_the_declared_one(declared, form, text, expected):
    _is_read(declared(f"timestamp,{form},UTC"), "timestamp", text, expected)


def test_a_declared_order_is_shifted_as_well(declared):
    formats = declared("timestamp,month_first,Asia/Tokyo")
    landed, _ = land_texts(formats, ["4/1/2025 9:30", "4/1/2025 9:30 AM"], "timestamp")
    assert landed == ["2025-04-01 00:30:00"] * 2


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2025-04-01", "2025-04-01"),
        ("2025-04-01T00:00:00.000Z", "2025-04-01"),
        ("2025-04-01T23:30:00-09:00", "2025-04-01"),
        ("2025-04-01 23:30:00", "2025-04-01"),
        ("2025/4/1", "2025-04-01"),
        ("2025/4/1 0:00", "2025-04-01"),
        ("2025年4月1日", "2025-04-01"),
        ("令和7年4月1日", "2025-04-01"),
        ("R7.4.1", "2025-04-01"),
        ("20250401", "2025-04-01"),
        ("45748", "2025-04-01"),
        ("never", "never"),
    ],
)
def test_a_date_is_the_one_that_is_written(shipped, text, expected):
    for system in ("generic", "salesforce", "miitel"):
        _is_read(shipped, "date", text, expected, system=system)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2025-04", "2025-04"),
        ("2025-04-01", "2025-04-01"),
        ("2025/4", "2025-04"),
        ("2025/4/30", "2025-04"),
        ("2025年4月", "2025-04"),
        ("2025年4月度", "2025-04"),
        ("令和7年4月", "2025-04"),
        ("令和元年5月", "2019-05"),
        ("令和元年4月", "令和元年4月"),
        ("45748", "2025-04"),
        ("202504", "2025-04"),
        ("2025-13", "2025-13"),
        ("May", "May"),
    ],
)
def test_a_month(shipped, text, expected):
    _is_read(shipped, "month", text, expected)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1000", "1000"),
        ("1000.50", "1000.50"),
        ("1,000,000", "1000000"),
        ("1,000,000.5", "1000000.5"),
        ("¥1,000,000", "1000000"),
        ("￥1,000,000", "1000000"),
        ("\\1,000,000", "1000000"),
        ("1,000,000円", "1000000"),
        ("JPY 1,000", "1000"),
        ("$200,000 ", "200000"),
        ("€ 3.500,00", "3500"),
        ("3.500,00", "3500"),
        ("€ 3,500", "3500"),
        ("100万円", "1000000"),
        ("1.5億円", "150000000"),
        ("1億2,000万円", "120000000"),
        ("5百万円", "5000000"),
        ("３００万", "3000000"),
        ("(511.28)", "-511.28"),
        ("($511.28)", "-511.28"),
        ("△1,000", "-1000"),
        ("-¥100", "-100"),
        ("¥-100", "-100"),
        ("−5", "-5"),
        ("１，２３４．５", "1234.5"),
        (" 12 ", "12"),
        ("50%", "50"),
        ("50 ％", "50"),
        ("1.5E+06", "1500000"),
        ("0", "0"),
        ("", None),
        # none of these has one reading
        ("1,00", "1,00"),
        ("1,0000", "1,0000"),
        ("€ 3,50", "€ 3,50"),
        ("1.000.000", "1.000.000"),
        ("1万2億", "1万2億"),
        ("-", "-"),
        ("¥", "¥"),
        ("--5", "--5"),
        ("100-499", "100-499"),
        ("1e999", "1e999"),
        ("NaN", "NaN"),
        ("9" * 100, "9" * 100),
    ],
)
def test_an_amount(shipped, text, expected):
    _is_read(shipped, "decimal", text, expected)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1,200", "1200"),
        ("120.0", "120"),
        ("１２", "12"),
        ("007", "7"),
        ("3百万", "3000000"),
        ("1.5", "1.5"),
    ],
)
def test_a_count_is_whole(shipped, text, expected):
    _is_read(shipped, "integer", text, expected)


def test_a_decimal_comma_is_declared_and_then_a_point_is_none(declared):
    formats = declared("decimal,decimal_comma,", "decimal,currency,")
    texts = ["3.500,00", "3.500", "1 234,5", "€ 3,50", "12", "-12,5", "3.5"]
    assert land_texts(formats, texts, "decimal") == (
        ["3500", "3500", "1234.5", "3.5", "12", "-12.5", None],
        [ValueFinding("value", "undeclared_form", 7, 1)],
    )


@pytest.mark.parametrize(
    "text",
    [
        "03-1234-5678",
        "+81-3-1234-5678",
        "+81 3 1234 5678",
        "+81 (0)3 1234 5678",
        "+81 (0)3-1234-5678",
        "+810312345678",
        "+81312345678",
        "81312345678",
        "0312345678",
        "03 1234 5678",
        "(03) 1234-5678",
        "03(1234)5678",
        "03.1234.5678",
        "０３－１２３４－５６７８",
        "０３ー１２３４ー５６７８",
        "03-1234-5678(内線123)",
        "03-1234-5678 内線：123",
        "03-1234-5678 ext. 12",
        "03-1234-5678 x12",
        "03-1234-5678(代)",
        "03-1234-5678、03-1234-5679",
        "03-1234-5678 / 090-1111-2222",
        "TEL: 03-1234-5678",
        "tel:+81-3-1234-5678",
        "℡03-1234-5678",
        "010-81-3-1234-5678",
        "312345678",
        "312345678.0",
    ],
)
def test_all_ways_to_write_a_number_are_one_number(shipped, text):
    _is_read(shipped, "phone", text, "+81312345678")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("090-1234-5678", "+819012345678"),
        ("9012345678", "+819012345678"),
        ("0120-123-456", "+81120123456"),
        ("0800-123-4567", "+818001234567"),
        ("+1 (415) 555-2671", "+14155552671"),
        ("+44 20 7946 0958", "+442079460958"),
        ("010-1-415-555-2671", "+14155552671"),
    ],
)
def test_other_numbers(shipped, text, expected):
    _is_read(shipped, "phone", text, expected)


def test_a_number_without_its_zero_is_repaired_and_said(shipped):
    texts = ["0312345678", "312345678", "9012345678", "81312345678"]
    assert land_texts(shipped, texts, "phone") == (
        ["+81312345678", "+81312345678", "+819012345678", "+81312345678"],
        [ValueFinding("value", "phone_zero_restored", 2, 2)],
    )


def test_no_number_is_null_and_what_is_none_is_null_and_said(shipped):
    none = ["0", "-", "--", " ", "000-0000-0000", "非通知", "Anonymous", "unknown", None]
    assert land_texts(shipped, none, "phone") == ([None] * len(none), [])
    unreadable = ["110", "1234-5678", "ask the front desk", "3.12346E+08", "+", "1" * 300]
    landed, findings = land_texts(shipped, [*unreadable, "0312345678"], "phone")
    assert landed == [None] * 4 + [None] * 2 + ["+81312345678"]
    # a lone + says as little as a dash
    assert findings == [ValueFinding("value", "unreadable_phone", 1, 5)]


def test_another_region(declared):
    formats = declared("phone,region_us,")
    landed, findings = land_texts(formats, ["(415) 555-2671", "+81312345678"], "phone")
    assert landed == ["+14155552671", "+81312345678"]
    assert findings == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (" Taro.Yamada@Example.JP ", "taro.yamada@example.jp"),
        ("ｔａｒｏ＠ｅｘａｍｐｌｅ.jp", "taro@example.jp"),
        ("a@b.jp\t", "a@b.jp"),
        ("", None),
        ("none", "none"),
    ],
)
def test_an_address(shipped, text, expected):
    _is_read(shipped, "email", text, expected)


@pytest.mark.parametrize(
    "text",
    [
        *("-", "－", " - ", "Select", "SELECT", "--None--", "(null)", "NULL", "ＮＵＬＬ", "N/A"),
        *("#N/A", "#REF!", "未選択", "選択してください", "none", "\\N"),
    ],
)
def test_a_word_for_no_value_where_it_is_declared(shipped, text):
    for data_type in ("text", "timestamp", "date", "integer", "boolean", "salesforce_id", "email"):
        _is_read(shipped, data_type, text, None, system="salesforce")
    _is_read(shipped, "text", text, text, system="generic")


def test_zero_is_a_value_but_for_dates_and_numbers_of_telephones(shipped):
    expected = {"timestamp": None, "date": None, "phone": None}
    for data_type in ("text", "timestamp", "date", "integer", "decimal", "phone", "boolean"):
        _is_read(shipped, data_type, "0", expected.get(data_type, "0"), system="salesforce")


def test_a_word_of_ones_own_for_no_value(declared):
    formats = declared("null,text:未設定,", "null,dash,")
    landed, _ = land_texts(formats, ["未設定", " 未設定 ", "-", "未設定の会社", "select"], "text")
    assert landed == [None, None, None, "未設定の会社", "select"]


def test_texts_stay_as_they_are(shipped):
    texts = [
        "New",
        "Nagoya",
        "=cmd()",
        "'; drop table x --",
        "<b>",
        " padded ",
        "１２３",
        "x" * 10**6,
    ]
    for system in ("generic", "salesforce"):
        assert land_texts(shipped, texts, "text", system=system) == (texts, [])


@pytest.mark.parametrize(
    ("column_name", "data_type", "is_id"),
    [
        ("lead_id", "text", True),
        ("id", "salesforce_id", True),
        ("who", "salesforce_id", True),
        ("note", "text", False),
        ("paid", "text", False),
    ],
)
def test_an_id_that_a_spreadsheet_rounded_is_no_id(shipped, column_name, data_type, is_id):
    texts = ["1.23457E+18", "1E+18", "1234567890123456789", "0012", "00Q5g00000ABCDE", "1+1"]
    landed, findings = land_texts(shipped, texts, data_type, column_name=column_name)
    assert landed == ([None, None, *texts[2:]] if is_id else texts)
    found = [ValueFinding(column_name, "id_damaged_by_spreadsheet", 1, 2)]
    assert findings == (found if is_id else [])


@pytest.mark.parametrize(
    ("key", "names"),
    [
        (
            "kk|アクメ",
            ["株式会社アクメ", "(株)アクメ", "（株） アクメ", "㈱ｱｸﾒ", "㍿アクメ", "ｶ)ｱｸﾒ"],
        ),
        ("アクメ|kk", ["アクメ株式会社", "アクメ(株)", "アクメ　㈱", "ｱｸﾒ(ｶ", "ｱｸﾒ(ｶ)"]),
        ("アクメ", ["アクメ", " ア・ク・メ ", "ｱｸﾒ"]),
        ("yk|アクメ", ["有限会社アクメ", "㈲アクメ"]),
        ("アクメ|gk", ["アクメ合同会社", "アクメ(同)"]),
        ("acme|ltd", ["Acme Co., Ltd.", "ＡＣＭＥ Co.,Ltd", "acme company limited", "ACME, LTD."]),
        ("acme|inc", ["Acme Inc.", "ACME, INC", "Acme Incorporated"]),
        ("acme|kk", ["Acme K.K.", "ACME 株式会社", "Acme Kabushiki Kaisha"]),
        ("kk|acme", ["K.K. Acme", "㏍Acme", "株式会社 ＡＣＭＥ"]),
        ("アクメ|kk|東京支店", ["アクメ株式会社 東京支店", "アクメ㈱東京支店"]),
        ("ガギグ", ["ｶﾞｷﾞｸﾞ", "ガギグ"]),
        ("zinc", ["Zinc", "ZINC"]),
        ("abc", ["A&B|C", "a-b-c"]),
        (None, ["株式会社", "(株)", "・・・", " ", "㈱ ?"]),
    ],
)
def test_the_key_of_a_company(key, names):
    assert {name: company_key(name) for name in names} == dict.fromkeys(names, key)


def test_a_derived_key_in_sql(shipped):
    with duckdb.connect() as connection:
        values = shipped.for_file("generic", "leads", "leads.csv")
        values.prepare(connection)
        rows = connection.execute(
            f"""
            select company, {values.folded("company", "company")}
            from (values (1, '株式会社アクメ'), (2, null), (3, '-')) as leads (id, company)
            order by id
            """
        ).fetchall()
    assert rows == [("株式会社アクメ", "kk|アクメ"), (None, None), ("-", None)]
    assert values.findings() == []


def test_findings_count_rows_and_name_the_first(shipped):
    count = 50_000
    with duckdb.connect() as connection:
        connection.execute("set TimeZone = 'UTC'")
        values = shipped.for_file("generic", "calls", "calls.csv")
        values.prepare(connection)
        selected = ", ".join(
            values.expression(column, data_type, column, "number")
            for column, data_type in (
                ("started_at", "timestamp"),
                ("phone", "phone"),
                ("call_id", "text"),
            )
        )
        connection.execute(
            f"""
            create table landed as select number, {selected} from (
                select
                    number,
                    case when number % 7 = 3 then '45748' else '2025-04-01' end as started_at,
                    case number % 11 when 5 then '312345678' when 6 then 'desk' end as phone,
                    case when number % 13 = 4 then '1.2E+18' else 'a' || number end as call_id
                from range(1, {count} + 1) as numbers (number)
            )
            """
        )
        assert connection.execute("select count(*) from landed").fetchone() == (count,)

    def rows(divisor: int, rest: int) -> int:
        return sum(number % divisor == rest for number in range(1, count + 1))

    assert values.findings() == [
        ValueFinding("call_id", "id_damaged_by_spreadsheet", 4, rows(13, 4)),
        ValueFinding("phone", "phone_zero_restored", 5, rows(11, 5)),
        ValueFinding("phone", "unreadable_phone", 6, rows(11, 6)),
        ValueFinding("started_at", "spreadsheet_date_repaired", 3, rows(7, 3)),
    ]


def test_many_threads_count_every_row_once(shipped, tmp_path):
    count = 400_000
    with duckdb.connect() as connection:
        connection.execute("set threads = 4")
        values = shipped.for_file("generic", "calls", "calls.csv")
        values.prepare(connection)
        threads = set()
        read = values._columns

        expression = values.expression("phone", "phone", "phone", "number")
        column = read[0]
        read_one = column._read

        def watched(text: str) -> object:
            threads.add(threading.get_ident())
            return read_one(text)

        column._read = watched
        connection.execute(
            "create table calls as select number, 'desk ' || number as phone "
            f"from range(1, {count} + 1) as numbers (number)"
        )
        connection.execute(
            f"copy (select {expression} as phone from calls) to $target (format parquet)",
            {"target": str(tmp_path / "calls.parquet")},
        )
    assert values.findings() == [ValueFinding("phone", "unreadable_phone", 1, count)]
    assert len(threads) > 1, "the query ran in one thread and shows nothing"


def test_two_files_on_one_connection_keep_their_findings_apart(shipped):
    with duckdb.connect() as connection:
        for text, count in (("312345678", 1), ("0312345678", 0)):
            values = shipped.for_file("generic", "leads", "leads.csv")
            values.prepare(connection.cursor())
            expression = values.expression("phone", "phone", "phone", "1")
            row = connection.execute(
                f"select {expression} from (select $text as phone)", {"text": text}
            ).fetchone()
            assert row == ("+81312345678",)
            assert len(values.findings()) == count


def test_a_process_that_landed_ends_without_a_word():
    script = """
import duckdb
from kpi_warehouse.landing.values import read_formats
import pathlib, sys
def main():
    connection = duckdb.connect()
    values = read_formats(pathlib.Path(sys.argv[1])).for_file("generic", "calls", "calls.csv")
    values.prepare(connection.cursor())
    sql = values.expression("started_at", "timestamp", "text", "1")
    print(connection.execute(f"select {sql} from (select '2025.4.1' as text)").fetchone())
    connection.close()
main()
"""
    run = subprocess.run(
        [sys.executable, "-c", script, str(SEED)],
        cwd=PROJECT_DIR / "scripts",
        capture_output=True,
        text=True,
        check=False,
    )
    assert (run.stdout, run.stderr) == ("('2025-04-01 00:00:00',)\n", "")
