"""Dates and times: every declared form of a date, in the clock of the form's time zone."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, timezone, tzinfo
from functools import cache
from zoneinfo import ZoneInfo

from kpi_warehouse.landing.values.reading import (
    SPREADSHEET_DATE_REPAIRED,
    Reader,
    Reading,
    tidy,
)

# Form -> the time zone of its naive times.
Zones = Mapping[str, str]

# How the text of a date begins, by form; what follows it is a time of day or nothing.
_DATES = {
    "iso": r"(?P<year>[0-9]{4})-(?P<month>[0-9]{1,2})-(?P<day>[0-9]{1,2})",
    "year_first_slashed": r"(?P<year>[0-9]{4})/(?P<month>[0-9]{1,2})/(?P<day>[0-9]{1,2})",
    "year_first_dotted": r"(?P<year>[0-9]{4})\.(?P<month>[0-9]{1,2})\.(?P<day>[0-9]{1,2})",
    "japanese": r"(?P<year>[0-9]{4}) ?年 ?(?P<month>[0-9]{1,2}) ?月 ?(?P<day>[0-9]{1,2}) ?日",
    "japanese_era": (
        r"(?P<era>令和|平成|昭和|[RHSrhs]) ?(?P<era_year>元|[0-9]{1,2})"
        r"(?: ?年 ?(?P<month>[0-9]{1,2}) ?月 ?(?P<day>[0-9]{1,2}) ?日"
        r"|(?P<sep>[./-])(?P<month_2>[0-9]{1,2})(?P=sep)(?P<day_2>[0-9]{1,2}))"
    ),
    "compact": r"(?P<year>[0-9]{4})(?P<month>[0-9]{2})(?P<day>[0-9]{2})",
    "day_first": (
        r"(?P<day>[0-9]{1,2})(?P<sep>[./-])(?P<month>[0-9]{1,2})(?P=sep)(?P<year>[0-9]{4})"
    ),
    "month_first": (
        r"(?P<month>[0-9]{1,2})(?P<sep>[./-])(?P<day>[0-9]{1,2})(?P=sep)(?P<year>[0-9]{4})"
    ),
}
# Months without a day, for columns of type month.
_MONTHS = {
    "iso": r"(?P<year>[0-9]{4})-(?P<month>[0-9]{1,2})",
    "year_first_slashed": r"(?P<year>[0-9]{4})/(?P<month>[0-9]{1,2})",
    "year_first_dotted": r"(?P<year>[0-9]{4})\.(?P<month>[0-9]{1,2})",
    "japanese": r"(?P<year>[0-9]{4}) ?年 ?(?P<month>[0-9]{1,2}) ?月(?:度|分)?",
    "japanese_era": (
        r"(?P<era>令和|平成|昭和|[RHSrhs]) ?(?P<era_year>元|[0-9]{1,2})"
        r"(?: ?年 ?(?P<month>[0-9]{1,2}) ?月(?:度|分)?|[./-](?P<month_2>[0-9]{1,2}))"
    ),
    "compact": r"(?P<year>[0-9]{4})(?P<month>[0-9]{2})",
}
_WEEKDAY = r"(?: ?\((?:[月火水木金土日](?:曜日?)?|Mon|Tue|Wed|Thu|Fri|Sat|Sun)\))?"
_OFFSET = r"(?: ?(?P<offset>Z|z|UTC|GMT|JST|[+-][0-9]{2}(?::?[0-9]{2})?))?"
_CLOCK = (
    r"(?P<before>午前|午後|[AaPp][Mm])? ?"
    r"(?:(?P<hour>[0-9]{1,2}):(?P<minute>[0-9]{2})"
    r"(?::(?P<second>[0-9]{2})(?:[.,](?P<fraction>[0-9]{1,12}))?)?"
    r"|(?P<hour_2>[0-9]{1,2}) ?時"
    r"(?: ?(?P<minute_2>[0-9]{1,2}) ?分(?: ?(?P<second_2>[0-9]{1,2}) ?秒)?)?)"
    r"(?: ?(?P<after>[AaPp][Mm]))?"
)
_TIME = rf"(?:(?:[Tt] ?| +|(?<=日)|(?<=\))){_CLOCK}{_OFFSET})?"
_COMPACT_TIME = (
    r"(?:[Tt ]?(?P<hour>[0-9]{2})(?P<minute>[0-9]{2})(?P<second>[0-9]{2})"
    rf"(?:\.(?P<fraction>[0-9]{{1,12}}))?{_OFFSET})?"
)
_PATTERNS = {
    form: re.compile(begin + (_COMPACT_TIME if form == "compact" else _WEEKDAY + _TIME))
    for form, begin in _DATES.items()
}
_MONTH_PATTERNS = {form: re.compile(begin) for form, begin in _MONTHS.items()}

# Serials of the days 1927-05-18 to 2173-10-13; fewer or more digits are something else.
_EXCEL_SERIAL = re.compile(r"(?P<days>[1-9][0-9]{4})(?:\.(?P<part>[0-9]{1,17}))?")
_EXCEL_DAY_0 = datetime(1899, 12, 30)
# Seconds from 1973 to 2286 and milliseconds from 1973 to 2286: never of the same length.
_EPOCH = {
    "epoch_seconds": (re.compile(r"([0-9]{9,10})(?:\.([0-9]{1,9}))?"), 1),
    "epoch_milliseconds": (re.compile(r"([0-9]{12,13})(?:\.([0-9]{1,9}))?"), 1000),
}
_EPOCH_START = datetime(1970, 1, 1)

# What staging's cast reads and an unchanged text therefore has to look like.
_GOOD_ISO = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
    r"(?:[T ][0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]{1,9})?)?"
    r"(?P<offset>Z|[+-][0-9]{2}(?::?[0-9]{2})?)?)?"
)
# What staging's cast might take for a time in UTC.
_STAGING_WOULD_READ = re.compile(r"[0-9]{1,6}([-/\\ ])[0-9]{1,2}\1[0-9]{1,2}(?![0-9])")

_JAPAN = timezone(timedelta(hours=9))


@dataclass(frozen=True)
class _Era:
    """An era of the Japanese calendar: its first and its last day, both included."""

    first_day: date
    last_day: date


# Source: the ordinances of 1989 and 2019 on the era's name; 昭和 by the edict of 1926.
_ERAS = {
    "令和": _Era(date(2019, 5, 1), date.max),
    "平成": _Era(date(1989, 1, 8), date(2019, 4, 30)),
    "昭和": _Era(date(1926, 12, 25), date(1989, 1, 7)),
}
_ERAS |= {"R": _ERAS["令和"], "H": _ERAS["平成"], "S": _ERAS["昭和"]}


@dataclass(frozen=True)
class _Moment:
    """A time as written: its clock, and the zone that the text itself names, if any."""

    clock: datetime
    zone: tzinfo | None = None
    rule: str | None = None


def timestamp_reader(zones: Zones) -> Reader:
    """Reads times of the declared forms as ISO 8601 in UTC.

    A text that is good ISO already, with an offset or in UTC, stays as it is; a date without a
    time is the beginning of its day in the form's zone. Fractions keep six digits, as in the
    engine. A time that a zone's clock shows twice is the first of the two.
    """

    def read(text: str) -> Reading | None:
        plain = tidy(text)
        found = _moment(plain, zones)
        if found is None:
            return None
        form, moment = found
        zone = moment.zone or _zone(zones[form])
        if form == "iso" and zone is UTC and plain.isascii() and _GOOD_ISO.fullmatch(plain):
            return Reading(plain)
        if form == "iso" and (good := _GOOD_ISO.fullmatch(plain)) and good["offset"]:
            return Reading(plain)
        try:
            instant = moment.clock.replace(tzinfo=zone).astimezone(UTC)
        except OverflowError:
            return None
        return Reading(_as_the_engine_writes_it(instant), moment.rule)

    return read


def date_reader(zones: Zones) -> Reader:
    """Reads days of the declared forms as YYYY-MM-DD; of a time its date as written, unshifted.

    An instant (epoch) has no date as written: it is the date in the form's zone.
    """

    def read(text: str) -> Reading | None:
        found = _moment(tidy(text), zones)
        if found is None:
            return None
        form, moment = found
        return Reading(_written_day(form, moment, zones).isoformat(), moment.rule)

    return read


def month_reader(zones: Zones) -> Reader:
    """Reads months, or any day in them, as YYYY-MM."""
    read_date = date_reader(zones)

    def read(text: str) -> Reading | None:
        plain = tidy(text)
        for form in zones:
            if form in _MONTH_PATTERNS and (found := _MONTH_PATTERNS[form].fullmatch(plain)):
                return _month(found)
        day = read_date(plain)
        return day and Reading(day.text[:7], day.rule)

    return read


def staging_would_misread(text: str) -> bool:
    """Whether staging's cast may take a text for a time in UTC that is none of a declared form."""
    return _STAGING_WOULD_READ.match(tidy(text)) is not None


@cache
def fixed_offset(zone_name: str) -> timedelta | None:
    """The zone's distance from UTC if it is one and the same from 1970 to 2100, else None."""
    zone = _zone(zone_name)
    offsets = {
        datetime(year, month, day, tzinfo=zone).utcoffset()
        for year in range(1970, 2101)
        for month in range(1, 13)
        for day in (1, 15)
    }
    return offsets.pop() if len(offsets) == 1 else None


@cache
def _zone(name: str) -> tzinfo:
    return UTC if name in ("UTC", "Etc/UTC") else ZoneInfo(name)


def _as_the_engine_writes_it(instant: datetime) -> str:
    text = instant.replace(tzinfo=None).isoformat(sep=" ")
    return text.rstrip("0") if instant.microsecond else text


def _moment(plain: str, zones: Zones) -> tuple[str, _Moment] | None:
    """The declared form of a tidied text, and the time it names."""
    for form in zones:
        if form == "excel_serial":
            moment = _excel_serial(plain)
        elif form in _EPOCH:
            moment = _epoch(plain, form)
        elif found := _PATTERNS[form].fullmatch(plain):
            moment = _calendar_time(found)
        else:
            moment = None
        if moment:
            return form, moment
    return None


def _calendar_time(found: re.Match[str]) -> _Moment | None:
    groups = found.groupdict()
    try:
        day = _day(groups)
        clock = _clock(groups)
        zone = _offset(groups.get("offset"))
        if day is None or clock is None:
            return None
        days, at = clock
        return _Moment(datetime.combine(day, at) + timedelta(days=days), zone)
    except (ValueError, OverflowError):
        return None


def _day(groups: Mapping[str, str | None]) -> date | None:
    month = int(groups.get("month") or groups["month_2"])
    day = int(groups.get("day") or groups["day_2"])
    if not groups.get("era"):
        return date(int(groups["year"]), month, day)
    era = _ERAS[groups["era"].upper()]
    found = date(_era_year(groups), month, day)
    return found if era.first_day <= found <= era.last_day else None


def _era_year(groups: Mapping[str, str | None]) -> int:
    number = 1 if groups["era_year"] == "元" else int(groups["era_year"])
    if number == 0:
        raise ValueError("an era begins with its year 1")
    return _ERAS[groups["era"].upper()].first_day.year + number - 1


def _clock(groups: Mapping[str, str | None]) -> tuple[int, time] | None:
    """Days to add, and the time of day; 24:00 is the beginning of the next day."""
    hour = groups.get("hour") or groups.get("hour_2")
    if hour is None:
        return 0, time()
    minute = int(groups.get("minute") or groups.get("minute_2") or 0)
    second = int(groups.get("second") or groups.get("second_2") or 0)
    micros = int((groups.get("fraction") or "")[:6].ljust(6, "0"))
    half = groups.get("before") or groups.get("after")
    if groups.get("before") and groups.get("after"):
        return None
    hours = int(hour)
    if half:
        if hours > 12:
            return None
        hours = hours % 12 + (12 if half in ("午後",) or half.lower() == "pm" else 0)
    if hours == 24 and not (minute or second or micros):
        return 1, time()
    return 0, time(hours, minute, second, micros)


def _offset(text: str | None) -> tzinfo | None:
    if text is None:
        return None
    if text == "JST":
        return _JAPAN
    if text[0] not in "+-":
        return UTC
    hours, minutes = int(text[1:3]), int(text[-2:]) if len(text) > 3 else 0
    if hours > 15 or minutes > 59:
        raise ValueError("no place on earth is that far from UTC")
    distance = timedelta(hours=hours, minutes=minutes)
    return timezone(-distance if text[0] == "-" else distance)


def _month(found: re.Match[str]) -> Reading | None:
    groups = found.groupdict()
    month = int(groups["month"] or groups["month_2"])
    try:
        if not groups.get("era"):
            first = date(int(groups["year"]), month, 1)
        else:
            era = _ERAS[groups["era"].upper()]
            first = date(_era_year(groups), month, 1)
            if not era.first_day.replace(day=1) <= first <= era.last_day:
                return None
    except ValueError:
        return None
    return Reading(first.isoformat()[:7])


def _excel_serial(plain: str) -> _Moment | None:
    """Days since 1899-12-30; the part of a day to the nearest second, as a sheet shows it."""
    found = _EXCEL_SERIAL.fullmatch(plain)
    if not found:
        return None
    seconds = round(float(f"0.{found['part'] or 0}") * 86_400)
    clock = _EXCEL_DAY_0 + timedelta(days=int(found["days"]), seconds=seconds)
    return _Moment(clock, rule=SPREADSHEET_DATE_REPAIRED)


def _epoch(plain: str, form: str) -> _Moment | None:
    pattern, per_second = _EPOCH[form]
    found = pattern.fullmatch(plain)
    if not found:
        return None
    micros = int(found[1]) * (1_000_000 // per_second)
    if found[2]:
        micros += int(found[2].ljust(9, "0")) // (1000 * per_second)
    return _Moment(_EPOCH_START + timedelta(microseconds=micros), UTC)


def _written_day(form: str, moment: _Moment, zones: Zones) -> date:
    if form in _EPOCH:
        return moment.clock.replace(tzinfo=UTC).astimezone(_zone(zones[form] or "UTC")).date()
    return moment.clock.date()
