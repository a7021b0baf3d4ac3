"""How the values of one column become landed text.

Clean texts pass a few comparisons in SQL. What they do not recognise, the odd value, is read by
a function in Python, which knows every declared form. Whatever SQL lets pass or converts, the
function would read as the same value: SQL is the short cut and never another opinion.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta

from kpi_warehouse.landing.values import amounts, times
from kpi_warehouse.landing.values.forms import INSTANT_FORMS, KIND_OF_TYPE
from kpi_warehouse.landing.values.ids import id_reader, is_id
from kpi_warehouse.landing.values.nulls import as_word, null_words
from kpi_warehouse.landing.values.phones import JAPAN, REGION_FORMS, phone_reader
from kpi_warehouse.landing.values.reading import (
    LONGEST_VALUE,
    NO_VALUE,
    UNDECLARED_FORM,
    UNREADABLE_PHONE,
    Reader,
    Reading,
    tidy,
)

# Condition -> the SQL of the value where it holds; the first that holds decides.
ShortCuts = dict[str, str]
# The forms of a kind that a column has, and the time zone of each.
FormsOf = Callable[[str], Mapping[str, str]]

_UTC = ("UTC", "Etc/UTC")
# what Python takes for a blank, of ASCII
_BLANKS = " \t\n\r\v\f\x1c\x1d\x1e\x1f"
# blanks around a word that stands for no value, in bytes
_ROOM_FOR_BLANKS = 8
_FULL_WIDTH = ord("！") - ord("!")


@dataclass(frozen=True)
class Plan:
    """Short cuts in SQL, `{x}` being the column, and what reads the values they leave over.

    With `reads_only_where` the odd values are those where it holds, and all others stay.
    """

    read: Callable[[str], Reading]
    short_cuts: ShortCuts
    reads_only_where: str | None = None


def plan_of(column_name: str, data_type: str, forms_of: FormsOf) -> Plan | None:
    """The plan of a column, None if its texts stay as they are."""
    kind = KIND_OF_TYPE.get(data_type)
    words = null_words(forms_of("null"), kind)
    if kind is None:
        return _plan_of_text(column_name, data_type, words)
    forms = forms_of(kind)
    if not (forms or words):
        return None
    if kind == "timestamp":
        plan = _reads(times.timestamp_reader(forms), words, _misread_time(forms))
        return Plan(plan, _timestamp_short_cuts(forms))
    if kind == "date":
        is_month = data_type == "month"
        reader = times.month_reader(forms) if is_month else times.date_reader(forms)
        short_cuts = _month_short_cuts(forms) if is_month else _date_short_cuts(forms)
        return Plan(_reads(reader, words), short_cuts)
    if kind == "phone":
        region = next((REGION_FORMS[form] for form in forms), None)
        if region is None:
            return None
        short_cuts = _phone_short_cuts() if region == JAPAN else {}
        too_long = Reading(None, UNREADABLE_PHONE)
        return Plan(_reads(phone_reader(region), words, too_long=too_long), short_cuts)
    is_whole = kind == "integer"
    misread = amounts.staging_would_misread if "decimal_comma" in forms else None
    reader = _reads(amounts.number_reader(forms, is_whole), words, misread)
    return Plan(reader, _number_short_cuts(forms, is_whole))


def _reads(
    read: Reader,
    words: frozenset[str],
    misread: Callable[[str], bool] | None = None,
    too_long: Reading | None = None,
) -> Callable[[str], Reading]:
    """A reader that leaves what it cannot read, for staging to report.

    Unless staging would read it, and as another value than the source meant: then it is NULL.
    """

    def read_or_leave(text: str) -> Reading:
        if len(text) > LONGEST_VALUE:
            return too_long or Reading(text)
        word = as_word(text)
        if not word or word in words:
            return NO_VALUE
        reading = read(text)
        if reading is not None:
            return reading
        return Reading(None, UNDECLARED_FORM) if misread and misread(text) else Reading(text)

    return read_or_leave


def _plan_of_text(column_name: str, data_type: str, words: frozenset[str]) -> Plan | None:
    read_id = id_reader()

    def read(text: str) -> Reading:
        if len(text) <= LONGEST_VALUE and as_word(text) in words:
            return NO_VALUE
        if data_type == "email":
            return Reading(tidy(text).lower() or None)
        return read_id(text) if is_id(column_name, data_type) else Reading(text)

    odd = [_may_be_one_of(words)] if words else []
    if data_type == "email":
        # one width for all letters is Python's; every other address is lower case and trimmed here
        odd.append("strlen({x}) <> length({x})")
        plain = f"nullif(lower(trim({{x}}, '{_BLANKS}')), '')"
        return Plan(read, {f"not ({' or '.join(odd)})": plain})
    if is_id(column_name, data_type):
        odd.append("({x} < ':' and contains({x}, '+'))")
    return Plan(read, {}, " or ".join(odd)) if odd else None


def _may_be_one_of(words: frozenset[str]) -> str:
    """Whether a text is as short as one of the words and begins like one."""
    first = {character for word in words for character in (word[0], word[0].upper(), *_BLANKS)}
    first |= {chr(ord(character) + _FULL_WIDTH) for character in first if "!" <= character <= "~"}
    first.add("\u3000")
    longest = max(len(word) for word in words)
    codes = ", ".join(str(code) for code in sorted(ord(character) for character in first))
    # a character has up to three bytes, a full-width one among them
    return f"(strlen({{x}}) <= {3 * longest + _ROOM_FOR_BLANKS} and unicode({{x}}) in ({codes}))"


def _misread_time(zones: Mapping[str, str]) -> Callable[[str], bool] | None:
    """Staging takes a time without offset for UTC; that is wrong if the source has other clocks."""
    has_other_clock = any(
        zone not in _UTC for form, zone in zones.items() if form not in INSTANT_FORMS
    )
    return times.staging_would_misread if has_other_clock else None


def _timestamp_short_cuts(zones: Mapping[str, str]) -> ShortCuts:
    """Times that the engine's own cast reads, in the zones whose distance from UTC is fixed."""
    short_cuts: ShortCuts = {}
    in_utc = "try_cast({x} as timestamptz)"
    as_text = "cast({time} at time zone 'UTC' as varchar)"
    for form, shape in (("iso", "____-__-__%"), ("year_first_slashed", "____/%")):
        offset = _sql_offset(zones.get(form))
        if offset is None:
            continue
        # an offset behind a text that has one already is no time: only naive ones are shifted
        time = in_utc if offset == "" else f"try_cast({{x}} || '{offset}' as timestamptz)"
        is_read = f"{{x}} like '{shape}' and {time} is not null"
        if offset:
            is_read = f"{{x}} between '1970' and '2100' and {is_read}"
        is_good = form == "iso" and offset == ""
        short_cuts[is_read] = "{x}" if is_good else as_text.format(time=time, x="{x}")
    for form, order in (("day_first", "%d/%m/%Y"), ("month_first", "%m/%d/%Y")):
        offset = times.fixed_offset(zones[form]) if form in zones else None
        if offset is not None:
            time = f"try_strptime({{x}}, ['{order} %H:%M:%S', '{order} %H:%M', '{order}'])"
            shape = "[0-9]{{1,2}}/[0-9]{{1,2}}/(19[7-9]|20)[0-9]+( [0-9]{{1,2}}:[0-9:]+)?"
            shifted = f"{time} - interval ({int(offset.total_seconds())}) second"
            short_cuts[f"regexp_full_match({{x}}, '{shape}') and {time} is not null"] = (
                f"cast({shifted} as varchar)"
            )
    for form, digits, micros in (("epoch_seconds", 10, 10**6), ("epoch_milliseconds", 13, 1000)):
        if form in zones:
            # as many digits are a number of the engine's type
            short_cuts[f"regexp_full_match({{x}}, '[0-9]{{{{{digits}}}}}')"] = (
                f"cast(make_timestamp(cast({{x}} as bigint) * {micros}) as varchar)"
            )
    return short_cuts


def _date_short_cuts(zones: Mapping[str, str]) -> ShortCuts:
    day = "try_cast({x} as date)"
    short_cuts: ShortCuts = {}
    if "iso" in zones:
        short_cuts[f"strlen({{x}}) = 10 and {{x}} like '____-__-__' and {day} is not null"] = "{x}"
        has_time = "({x} like '____-__-__T__:%' or {x} like '____-__-__ __:%')"
        is_read = "try_cast({x} as timestamptz) is not null"
        short_cuts[f"{has_time} and {is_read}"] = "substr({x}, 1, 10)"
    if "year_first_slashed" in zones:
        is_read = "try_cast({x} as timestamptz) is not null"
        short_cuts[f"{{x}} like '____/%' and {is_read}"] = f"cast({day} as varchar)"
    return short_cuts


def _month_short_cuts(zones: Mapping[str, str]) -> ShortCuts:
    first_day = "try_cast(substr({x}, 1, 7) || '-01' as date)"
    shape = "({x} like '____-__' or {x} like '____-__-__')"
    return {f"{shape} and {first_day} is not null": "{x}"} if "iso" in zones else {}


def _phone_short_cuts() -> ShortCuts:
    """Japanese numbers: E.164, or from 0 with or without hyphens; 00 and 010 begin others."""
    return {
        "{x} between '+81' and '+82' and regexp_full_match({x}, '\\+81[1-9][0-9]{{8,9}}')": "{x}",
        "{x} between '011' and '1' and regexp_full_match({x}, '0[1-9][0-9]{{8,9}}')": (
            "'+81' || substr({x}, 2)"
        ),
        (
            "{x} between '011' and '1' and strlen({x}) in (12, 13)"
            " and regexp_full_match({x}, '0[1-9][0-9]{{0,3}}-[0-9]{{1,4}}-[0-9]{{4}}')"
        ): "'+81' || replace(substr({x}, 2), '-', '')",
        (
            "{x} between '+81-' and '+81.' and strlen({x}) in (15, 16)"
            " and regexp_full_match({x}, '\\+81-[1-9][0-9]{{0,3}}-[0-9]{{1,4}}-[0-9]{{4}}')"
        ): "replace({x}, '-', '')",
    }


def _number_short_cuts(forms: Mapping[str, str], is_whole: bool) -> ShortCuts:
    """Digits, with a point and decimals where no comma stands for it, and commas at thousands."""
    short_cuts: ShortCuts = {}
    if is_whole and ("plain" in forms or "decimal_comma" in forms):
        short_cuts["regexp_full_match({x}, '-?[1-9][0-9]{{0,17}}|0')"] = "{x}"
    elif "plain" in forms:
        digits = "-?(0|[1-9][0-9]{{0,17}})([.][0-9]{{1,6}})?"
        short_cuts[f"regexp_full_match({{x}}, '{digits}')"] = "{x}"
    if "thousands" in forms:
        digits = "-?[1-9][0-9]{{0,2}}(,[0-9]{{3}}){{1,5}}"
        short_cuts[f"regexp_full_match({{x}}, '{digits}')"] = "replace({x}, ',', '')"
    return short_cuts


def _sql_offset(zone_name: str | None) -> str | None:
    """The offset to write behind a naive time: empty in UTC, None where it is not always one."""
    if zone_name is None:
        return None
    if zone_name in _UTC:
        return ""
    offset = times.fixed_offset(zone_name)
    if offset is None or offset.seconds % 60:
        return None
    sign = "-" if offset < timedelta(0) else "+"
    hours, minutes = divmod(abs(offset) // timedelta(minutes=1), 60)
    return f"{sign}{hours:02}:{minutes:02}"
