"""Telephone numbers, in whatever form they are written, as one E.164 number."""

from __future__ import annotations

import re

import phonenumbers
from phonenumbers import PhoneNumberFormat, ValidationResult

from kpi_warehouse.landing.values.reading import (
    NO_VALUE,
    PHONE_ZERO_RESTORED,
    UNREADABLE_PHONE,
    Reader,
    Reading,
    tidy,
)

# Form -> the region whose numbers are written without a country code.
REGION_FORMS = {
    f"region_{region.lower()}": region for region in sorted(phonenumbers.SUPPORTED_REGIONS)
}
JAPAN = "JP"

# What telephones show and people write where there is no number.
_NO_NUMBER = frozenset(
    {
        *("非通知", "非通知設定", "番号非通知", "公衆電話", "表示圏外", "通知不可能", "通知不可"),
        *("なし", "無し", "不明", "anonymous", "unknown", "private", "withheld", "restricted"),
        *("unavailable", "blocked", "no number", "no caller id", "none", "n/a", "null"),
    }
)
_NOTHING_BUT_ZEROS = re.compile(r"[-+. 0ー―‐–—]*")
_LABEL = re.compile(
    r"(?:tel|telephone|phone|mobile|電話番号|電話|携帯電話|携帯|代表)[ .:]*(?=[+(0-9])"
)
_EXTENSION = re.compile(r"[ ,;]*[(\[]? ?(?:内線|extension|extn?|;ext=|x|#)[ .:#番号=]*[0-9].*")
_SECOND_NUMBER = re.compile(r"(?:[、,;\n]| / ).*", re.DOTALL)
# (代), (代表), (携帯) …: words in brackets behind a number
_REMARK = re.compile(r" ?\([^0-9()]*\)$")
_DASHES = str.maketrans(dict.fromkeys("ー―‐‑‒–—−─━~〜", "-"))
_WRITTEN = re.compile(r"\(?\+?[-0-9() ./]*[0-9)]")
# A number that was read as one and written with a fraction.
_FRACTION = re.compile(r"^([0-9]+)\.0$")
# A number that was read as one: the zero in front is gone.
_ZERO_EATEN = re.compile(r"[1-9][0-9]{8}|[25-9]0[0-9]{8}")


def phone_reader(region: str) -> Reader:
    """Reads numbers as E.164, those without a country code as numbers of `region`.

    A number counts if its length is possible, for many exchanges allot blocks before lists of
    them know. A Japanese number without its 0, nine digits or ten that begin like a mobile's,
    gets it back and that is said. What is no number becomes NULL and is said; what says that
    there is none becomes NULL.
    """

    def read(text: str) -> Reading:
        plain = tidy(text).lower()
        if _NOTHING_BUT_ZEROS.fullmatch(plain) or plain in _NO_NUMBER:
            return NO_VALUE
        written = _number_only(plain)
        if written is None:
            return Reading(None, UNREADABLE_PHONE)
        if region == JAPAN and _ZERO_EATEN.fullmatch(written):
            return Reading(f"+81{written}", PHONE_ZERO_RESTORED)
        number = _e164(written, region)
        return Reading(number) if number else Reading(None, UNREADABLE_PHONE)

    return read


def _number_only(plain: str) -> str | None:
    """The number without label, extension, remark and second number; None if letters remain."""
    if label := _LABEL.match(plain):
        plain = plain[label.end() :]
    plain = _EXTENSION.sub("", plain, count=1)
    plain = _SECOND_NUMBER.sub("", plain, count=1)
    plain = _REMARK.sub("", plain).translate(_DASHES).strip()
    plain = _FRACTION.sub(r"\1", plain)
    return plain if _WRITTEN.fullmatch(plain) else None


def _e164(written: str, region: str) -> str | None:
    try:
        number = phonenumbers.parse(written, region)
    except phonenumbers.NumberParseException:
        return None
    if phonenumbers.is_possible_number_with_reason(number) != ValidationResult.IS_POSSIBLE:
        return None
    text = phonenumbers.format_number(number, PhoneNumberFormat.E164)
    is_certain = written.lstrip("(").startswith(("+", "0"))
    if number.country_code == 81 and region == JAPAN:
        # lists allow lengths up to 17 for a few machines' numbers; people's have 9 or 10 digits
        is_certain = is_certain and len(text) in (12, 13) and text[3] != "0"
    if is_certain or phonenumbers.is_valid_number(number):
        return text
    return None
