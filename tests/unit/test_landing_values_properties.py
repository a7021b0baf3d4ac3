"""What holds for every value, not only for those that somebody thought of."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import phonenumbers
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from phonenumbers import PhoneNumberFormat

from kpi_warehouse.landing.values import Formats, read_formats
from kpi_warehouse.landing.values.columns import plan_of
from kpi_warehouse.landing.values.companies import company_key
from kpi_warehouse.landing.values.formats import ANY, Format
from kpi_warehouse.landing.values.forms import CONFLICTS, FORMS
from kpi_warehouse.landing.values.nulls import NULL_WORDS
from kpi_warehouse.settings import PROJECT_DIR
from unit.test_landing_values import engine, land_columns, land_texts

SHIPPED = read_formats(PROJECT_DIR / "seeds" / "sources" / "source_formats.csv")
TYPES = (
    *("text", "timestamp", "date", "month", "boolean", "integer", "decimal", "phone", "email"),
    "salesforce_id",
)
SYSTEMS = ("generic", "salesforce", "miitel", "sendgrid")
# The fields of a spreadsheet's number format that shows the day of an era.
ERAS = (
    ("令和", "R", date(2019, 5, 1)),
    ("平成", "H", date(1989, 1, 8)),
    ("昭和", "S", date(1926, 12, 25)),
)
POINT = {form for pair in CONFLICTS["decimal"] for form in pair} - {"decimal_comma"}
FULL_WIDTH = str.maketrans("0123456789/-:+(). ", "０１２３４５６７８９／－：＋（）．　")

days = st.dates(date(1970, 1, 1), date(2099, 12, 31))
times = st.datetimes(datetime(1970, 1, 2), datetime(2099, 12, 30)).map(
    lambda moment: moment.replace(microsecond=0)
)


def declared(kind: str, *forms: str, time_zone: str = "") -> Formats:
    return Formats(tuple(Format(ANY, ANY, ANY, kind, form, time_zone) for form in forms))


def written_days(day: date) -> dict[str, list[str]]:
    """A day in every way that each form writes it."""
    year, month, number = day.year, day.month, day.day
    era, letter, first = next(each for each in ERAS if day >= each[2])
    era_year = year - first.year + 1
    spelled = ["元", "1"] if era_year == 1 else [str(era_year)]
    return {
        "iso": [day.isoformat(), f"{year}-{month}-{number}"],
        "year_first_slashed": [f"{year}/{month}/{number}", f"{day:%Y/%m/%d}"],
        "year_first_dotted": [f"{year}.{month}.{number}", f"{day:%Y.%m.%d}"],
        "japanese": [f"{year}年{month}月{number}日", f"{day:%Y年%m月%d日}"],
        "japanese_era": [
            text
            for each in spelled
            for text in (f"{era}{each}年{month}月{number}日", f"{letter}{each}.{month}.{number}")
        ],
        "compact": [f"{day:%Y%m%d}"],
        "day_first": [f"{number}/{month}/{year}", f"{day:%d.%m.%Y}"],
        "month_first": [f"{month}/{number}/{year}", f"{day:%m/%d/%Y}"],
        "excel_serial": [str((day - date(1899, 12, 30)).days)],
    }


def written_times(moment: datetime) -> dict[str, list[str]]:
    """A time of day in every way that each form writes it."""
    clock = f"{moment.hour}:{moment:%M:%S}"
    half = "午後" if moment.hour >= 12 else "午前"
    twelve = f"{moment.hour % 12 or 12}:{moment:%M:%S} {'PM' if moment.hour >= 12 else 'AM'}"
    kanji = f"{moment.hour}時{moment.minute}分{moment.second}秒"
    texts = {
        form: [
            written
            for text in texts
            for written in (f"{text} {clock}", f"{text} {moment:%H:%M:%S}", f"{text} {twelve}")
        ]
        for form, texts in written_days(moment.date()).items()
        if form not in ("compact", "excel_serial")
    }
    texts["iso"] += [moment.isoformat(), f"{moment.isoformat()}.000"]
    texts["japanese"] += [
        f"{moment.year}年{moment.month}月{moment.day}日 {kanji}",
        f"{moment.year}年{moment.month}月{moment.day}日{half}{moment.hour % 12}時{moment.minute}分"
        f"{moment.second}秒",
    ]
    texts["compact"] = [f"{moment:%Y%m%d%H%M%S}", f"{moment:%Y%m%dT%H%M%S}"]
    seconds = (moment - datetime(1970, 1, 1)) // timedelta(seconds=1)
    if seconds >= 10**8:
        texts["epoch_seconds"] = [str(seconds)]
        if seconds >= 10**9:
            texts["epoch_milliseconds"] = [str(seconds * 1000)]
    serial = Decimal((moment - datetime(1899, 12, 30)) // timedelta(seconds=1)) / 86_400
    texts["excel_serial"] = [f"{serial:.9f}"]
    return texts


@settings(max_examples=80, deadline=None)
@given(day=days)
@example(day=date(2019, 5, 1))
@example(day=date(2019, 4, 30))
@example(day=date(1989, 1, 7))
@example(day=date(1989, 1, 8))
@example(day=date(2024, 2, 29))
def test_any_day_in_any_declared_form_comes_back(day):
    seen = 0
    for form, texts in written_days(day).items():
        formats = declared("date", form)
        plan = plan_of("value", "date", lambda kind, f=formats: f.forms_of("", "", "", kind))
        for text in [*texts, *(text.translate(FULL_WIDTH) for text in texts)]:
            assert plan.read(text).text == day.isoformat(), text
            seen += 1
    assert seen > 20


@pytest.mark.parametrize("zone", ["UTC", "Asia/Tokyo", "America/New_York"])
@settings(max_examples=30, deadline=None)
@given(moment=times)
@example(moment=datetime(2025, 11, 2, 1, 30))
def test_any_time_in_any_declared_form_comes_back_in_utc(zone, moment):
    for form, texts in written_times(moment).items():
        is_instant = form.startswith("epoch")
        there = moment.replace(tzinfo=UTC if is_instant else ZoneInfo(zone))
        expected = there.astimezone(UTC).replace(tzinfo=None)
        formats = declared("timestamp", form, time_zone="" if is_instant else zone)
        wide = [text.translate(FULL_WIDTH) for text in texts]
        landed, _ = land_texts(formats, [*texts, *wide], "timestamp")
        staged = _staged(landed, "timestamp")
        assert staged == [expected] * len(landed), (form, texts, landed)


@settings(max_examples=100, deadline=None)
@given(moment=times, forms=st.permutations(sorted(FORMS["timestamp"])))
def test_no_text_is_read_in_two_ways(moment, forms):
    """Whatever else is declared, and in whatever order, a text keeps its one reading."""
    conflict = CONFLICTS["timestamp"][0]
    for left_out in conflict:
        together = [form for form in forms if form != left_out]
        plans = {
            names: plan_of(
                "value",
                "timestamp",
                lambda kind, names=names: (
                    dict.fromkeys(names, "Asia/Tokyo") if kind == "timestamp" else {}
                ),
            )
            for names in [tuple(together), *((form,) for form in together)]
        }
        everything = plans.pop(tuple(together))
        texts = itertools.chain(
            *written_times(moment).values(), *written_days(moment.date()).values()
        )
        for text in texts:
            alone = {plan.read(text) for plan in plans.values()}
            alone = {reading.text for reading in alone if reading.text not in (None, text)}
            assert len(alone) <= 1, text
            if alone:
                assert everything.read(text).text in alone, text


numbers = st.decimals(-(10**11), 10**11, places=2, allow_nan=False)


@settings(max_examples=100, deadline=None)
@given(number=numbers)
def test_any_amount_in_any_declared_form_comes_back(number):
    amount, sign = abs(number), "-" if number < 0 else ""
    comma = f"{amount:,}".translate(str.maketrans(",.", ".,"))
    texts = {
        "plain": [f"{sign}{amount}"],
        "thousands": [f"{sign}{amount:,}"],
        "currency": [f"{sign}¥{amount:,}", f"${sign}{amount:,} ", f"{sign}{amount:,}円"],
        "decimal_comma": [f"{sign}{comma}", f"{sign}{str(amount).replace('.', ',')}"],
        "percent_sign": [f"{sign}{amount}%", f"{sign}{amount} ％"],
        "myriads": [f"{sign}{amount / 10**4:f}万", f"{sign}{amount / 10**8:.10f}億円"],
    }
    if number < 0:
        texts["accounting_negative"] = [f"({amount})", f"△{amount}", f"▲{amount}"]
    for form, written in texts.items():
        forms = {form, "plain"} if form in ("percent_sign", "accounting_negative") else {form}
        formats = declared("decimal", *forms)
        wide = [text.translate(FULL_WIDTH) for text in written]
        landed, findings = land_texts(formats, [*written, *wide], "decimal")
        assert {Decimal(text) for text in landed} == {number}, (form, written, landed)
        assert findings == []


@settings(max_examples=100, deadline=None)
@given(
    text=st.from_regex(
        r"[-(△¥$€]{0,2}[0-9]{1,3}([,.][0-9]{1,3}){0,3}[万億]?[円%)]?", fullmatch=True
    )
)
def test_no_number_is_read_in_two_ways(text):
    # whether the comma or the point is the sign of the decimals is declared, and decides
    for always, left_out in ((set(), {"decimal_comma"}), ({"decimal_comma"}, POINT)):
        together = sorted(FORMS["decimal"] - left_out - always)
        readings = set()
        for size in (1, 2, len(together)):
            for names in itertools.combinations(together, size):
                formats = declared("decimal", *always, *names)
                plan = plan_of("v", "decimal", lambda kind, f=formats: f.forms_of("", "", "", kind))
                readings.add(plan.read(text).text)
        # left as it is, refused because staging would read it otherwise, or one number
        found = {Decimal(reading) for reading in readings - {text, None}}
        assert len(found) <= 1, (text, readings)


@settings(max_examples=100, deadline=None)
@given(
    national=st.from_regex(r"(1[1-9][0-9]{7}|[2-9][0-9]{8}|[5-9]0[0-9]{8})", fullmatch=True),
    cut=st.tuples(st.integers(1, 4), st.integers(1, 4)),
    separator=st.sampled_from(["-", " ", ".", "－", "ー", "‐"]),
)
def test_any_japanese_number_in_any_way_of_writing(national, cut, separator):
    # none begins with 10: 010 is dialled before a number abroad
    number = phonenumbers.parse(f"+81{national}")
    expected = phonenumbers.format_number(number, PhoneNumberFormat.E164)
    first, second = cut
    area, exchange, rest = national[:first], national[first:][:second], national[first + second :]
    parts = separator.join(part for part in (area, exchange, rest) if part)
    texts = [
        f"+81{national}",
        f"0{national}",
        f"+81{separator}{parts}",
        f"+81 (0){parts}",
        f"+81-0{parts}",
        f"(0{area}) {exchange}{separator}{rest}",
        f"0{parts}",
        f"0{parts}(内線123)",
        f"0{parts} ext. 12",
        phonenumbers.format_number(number, PhoneNumberFormat.INTERNATIONAL),
        phonenumbers.format_number(number, PhoneNumberFormat.RFC3966),
    ]
    if phonenumbers.is_valid_number(number):  # of others the library leaves out the 0
        texts.append(phonenumbers.format_number(number, PhoneNumberFormat.NATIONAL))
    texts += [text.translate(FULL_WIDTH) for text in texts]
    landed, findings = land_texts(SHIPPED, texts, "phone")
    assert dict(zip(texts, landed, strict=True)) == dict.fromkeys(texts, expected)
    assert findings == []
    landed, findings = land_texts(SHIPPED, [national], "phone")
    assert landed == [expected]
    assert [finding.rule for finding in findings] == ["phone_zero_restored"]


@settings(max_examples=100, deadline=None)
@given(region=st.sampled_from(["US", "GB", "DE", "CN", "SG", "KR"]), data=st.data())
def test_a_foreign_number_is_what_the_library_says(region, data):
    number = phonenumbers.example_number(region)
    style = data.draw(st.sampled_from(["INTERNATIONAL", "E164", "RFC3966"]))
    text = phonenumbers.format_number(number, getattr(PhoneNumberFormat, style))
    expected = phonenumbers.format_number(number, PhoneNumberFormat.E164)
    assert land_texts(SHIPPED, [text], "phone") == ([expected], [])


almost = st.one_of(
    st.text(max_size=40),
    st.text(
        alphabet="0123456789-/.:+TZ 年月日令和RHS時分()万億円¥$€,%eE０１－＋内線#x", max_size=24
    ),
    st.from_regex(
        r"[0-9]{1,5}[-/. ][0-9]{1,2}[-/. ][0-9]{1,4}"
        r"([T ][0-9:]{0,9}([+-][0-9:]{0,5}|Z| [A-Z/]{0,9})?)?",
        fullmatch=True,
    ),
    st.from_regex(r"\+?[0-9()\- ]{0,16}", fullmatch=True),
    st.from_regex(r"[-+(]?[0-9,._]{0,12}([eE][-+]?[0-9]{1,3})?[%)]?", fullmatch=True),
    st.sampled_from(sorted(word for words in NULL_WORDS.values() for word in words)),
    st.sampled_from(
        ["epoch", "infinity", "0x1F", "1_000", "NaN", "'; drop table x --", "\0", "{x}"]
    ),
)


@settings(max_examples=80, deadline=None)
@given(texts=st.lists(almost, min_size=1, max_size=30))
def test_no_text_stops_a_landing_and_every_row_comes_back(texts):
    for system in SYSTEMS:
        landed, findings = land_columns(SHIPPED, texts, TYPES, "value_id", system)
        assert [len(column) for column in landed] == [len(texts)] * len(TYPES)
        for finding in findings:
            assert 1 <= finding.row_number <= len(texts)
            assert 1 <= finding.row_count <= len(texts)
            assert finding.column_name == "value_id"


@settings(max_examples=60, deadline=None)
@given(texts=st.lists(almost, min_size=1, max_size=30))
def test_the_short_cuts_read_as_the_reader_does(texts):
    for system in SYSTEMS:
        landed, _ = land_columns(SHIPPED, texts, TYPES, system=system)
        for data_type, column in zip(TYPES, landed, strict=True):
            plan = plan_of(
                "value",
                data_type,
                lambda kind, system=system: SHIPPED.forms_of(system, "calls", "value", kind),
            )
            read = [plan.read(text).text for text in texts] if plan else texts
            assert _staged(column, data_type) == _staged(read, data_type), (data_type, texts)


@settings(max_examples=100, deadline=None)
@given(texts=st.lists(almost, min_size=1, max_size=30))
@example(texts=["2025-4-1 9:30", "2025 04 01", "2025-04-01 09:30:00 Asia/Tokyo", "epoch"])
def test_what_staging_reads_of_a_generic_extract_it_still_reads_the_same(texts):
    data_types = ("timestamp", "date", "month", "integer", "decimal", "boolean", "text")
    landed, _ = land_columns(SHIPPED, texts, data_types)
    for data_type, column in zip(data_types, landed, strict=True):
        before, after = _staged(texts, data_type), _staged(column, data_type)
        for text, was, now in zip(texts, before, after, strict=True):
            assert was is None or was == now, (data_type, text)


def _staged(texts: Sequence[str | None], data_type: str) -> list[object]:
    """Texts as the macro staged_column reads them."""
    plain = "nullif(trim(text), '')"
    value = {
        "timestamp": f"try_cast({plain} as timestamptz) at time zone 'UTC'",
        "date": f"try_cast({plain} as date)",
        "month": f"try_cast(substr({plain}, 1, 7) || '-01' as date)",
        "integer": f"try_cast({plain} as bigint)",
        "decimal": f"try_cast({plain} as decimal(24, 6))",
    }.get(data_type, plain)
    rows = (
        engine()
        .execute(
            f"""
            select {value}
            from (select unnest($texts) as text, generate_subscripts($texts, 1) as number)
            order by number
            """,
            {"texts": list(texts)},
        )
        .fetchall()
    )
    return [each for (each,) in rows]


@settings(max_examples=100, deadline=None)
@given(name=st.text(max_size=60))
def test_a_company_key_is_the_same_in_every_width_and_case(name):
    key = company_key(name)
    assert key is None or key
    assert company_key(f"  {name} ") == key
    for other in (name.upper(), name.translate(FULL_WIDTH)):
        if other.casefold() == name.casefold():
            assert company_key(other) == key


@pytest.mark.parametrize("data_type", TYPES)
def test_a_field_of_a_megabyte_passes(data_type):
    texts = ["9" * 10**6, "x" * 10**6, "０" * 10**5, "(" * 10**5, " " * 10**6, "1," * 10**5]
    landed, _ = land_texts(SHIPPED, texts, data_type, system="salesforce")
    assert len(landed) == len(texts)


def test_this_file_tests_the_forms_that_there_are():
    day, moment = date(2025, 4, 1), datetime(2025, 4, 1, 9, 30)
    assert {*written_days(day), *written_times(moment)} == FORMS["timestamp"] == FORMS["date"]
