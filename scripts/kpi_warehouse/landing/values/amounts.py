"""Amounts and counts: every declared form of a number, as plain decimal text."""

from __future__ import annotations

import re
from collections.abc import Collection
from decimal import Decimal

from kpi_warehouse.landing.values.reading import Reader, Reading, tidy

_UNITS = {
    "兆": Decimal(10**12),
    "億": Decimal(10**8),
    "百万": Decimal(10**6),
    "万": Decimal(10**4),
    "千": Decimal(10**3),
}
_CURRENCY = r"(?:¥|\\|\$|€|£|US\$|JPY|USD|EUR|GBP)"
# No amount has more digits; staging's type holds 18 before the point.
_MOST_DIGITS = 60

_PLAIN = re.compile(r"[0-9]+\.?[0-9]*|\.[0-9]+")
_EXPONENT = re.compile(r"[0-9]+(?:\.[0-9]*)?[Ee][+-]?[0-9]{1,2}")
_THOUSANDS = re.compile(r"[0-9]{1,3}(?:,[0-9]{3})+(?:\.[0-9]*)?")
# dots between thousands, then a comma: no other reading is possible
_DOTS_THEN_COMMA = re.compile(r"[0-9]{1,3}(?:\.[0-9]{3})+,[0-9]+")
_DECIMAL_COMMA = re.compile(r"(?:[0-9]{1,3}(?:[. ][0-9]{3})+|[0-9]+)(?:,[0-9]*)?")
_WITH_CURRENCY = re.compile(
    rf"{_CURRENCY} ?(?P<after>[^ ].*)|(?P<before>.*[^ ]) ?(?:{_CURRENCY}|円)", re.IGNORECASE
)
_MYRIAD = re.compile(r"([0-9][0-9,]*(?:\.[0-9]+)?) ?(兆|億|百万|万|千)")
_NEGATIVE_BRACKETS = re.compile(r"\((.+)\)")
_STAGING_WOULD_READ = re.compile(r"[-+]?[0-9_]*\.?[0-9_]*(?:[Ee][-+]?[0-9]+)?")


def number_reader(forms: Collection[str], whole: bool) -> Reader:
    """Reads numbers of the declared forms; `whole`: only those without a part of one.

    The text is `-?digits[.digits]`. A percent sign is dropped: 50% is 50, as the CRM's own
    export writes it. An exponent is written out.
    """

    def read(text: str) -> Reading | None:
        plain = tidy(text).replace("−", "-").replace("–", "-")
        number = _signed(plain, forms)
        if number is None or (whole and number != number.to_integral_value()):
            return None
        return Reading(_digits(number))

    return read


def staging_would_misread(text: str) -> bool:
    """Whether staging's cast may take a text for a number with a decimal point."""
    plain = tidy(text)
    return bool(plain) and _STAGING_WOULD_READ.fullmatch(plain) is not None


def _digits(number: Decimal) -> str:
    text = f"{number:f}" if number else "0"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _signed(plain: str, forms: Collection[str]) -> Decimal | None:
    """The number with its sign, which stands before or behind the currency, or as brackets."""
    sign = 1
    if "accounting_negative" in forms:
        if brackets := _NEGATIVE_BRACKETS.fullmatch(plain):
            return _negative(_without_currency(brackets[1].strip(), forms))
        if plain[:1] in ("△", "▲"):
            return _negative(_without_currency(plain[1:].lstrip(), forms))
    if plain[:1] in ("-", "+"):
        sign = -1 if plain[0] == "-" else 1
        plain = plain[1:].lstrip()
        return _times(sign, _without_currency(plain, forms))
    if found := _currency(plain, forms):
        if found[:1] in ("-", "+"):
            sign = -1 if found[0] == "-" else 1
            found = found[1:].lstrip()
        elif brackets := _NEGATIVE_BRACKETS.fullmatch(found):
            if "accounting_negative" not in forms:
                return None
            sign, found = -1, brackets[1].strip()
        return _times(sign, _unsigned(found, forms))
    return _unsigned(plain, forms)


def _without_currency(plain: str, forms: Collection[str]) -> Decimal | None:
    return _unsigned(_currency(plain, forms) or plain, forms)


def _currency(plain: str, forms: Collection[str]) -> str | None:
    """What stands beside a sign or word of currency; None if there is none.

    百万円 keeps its unit, which is read apart.
    """
    if "currency" not in forms:
        return None
    found = _WITH_CURRENCY.fullmatch(plain)
    return (found["after"] or found["before"]).strip() if found else None


def _unsigned(plain: str, forms: Collection[str]) -> Decimal | None:
    if "percent_sign" in forms and plain.endswith("%"):
        plain = plain[:-1].rstrip()
    if "myriads" in forms and (number := _myriads(plain.removesuffix("円").rstrip())) is not None:
        return number
    if len(plain) > _MOST_DIGITS:
        return None
    if "plain" in forms and (_PLAIN.fullmatch(plain) or _EXPONENT.fullmatch(plain)):
        return Decimal(plain)
    if "decimal_comma" in forms:
        if _DECIMAL_COMMA.fullmatch(plain):
            return _with_decimal_comma(plain)
        return None
    if "currency" in forms and _DOTS_THEN_COMMA.fullmatch(plain):
        return _with_decimal_comma(plain)
    if "thousands" in forms or "currency" in forms:
        return _count(plain)
    return None


def _with_decimal_comma(plain: str) -> Decimal:
    return Decimal(plain.replace(".", "").replace(" ", "").replace(",", "."))


def _myriads(plain: str) -> Decimal | None:
    """A number in units of 万, 億 …, each smaller than the one before: 1億2,000万."""
    total = Decimal(0)
    last_unit = None
    position = 0
    while found := _MYRIAD.match(plain, position):
        unit = _UNITS[found[2]]
        if last_unit is not None and unit >= last_unit:
            return None
        count = _count(found[1])
        if count is None:
            return None
        total += count * unit
        last_unit = unit
        position = found.end()
        while plain[position : position + 1] == " ":
            position += 1
    if last_unit is None:
        return None
    rest = plain[position:]
    if not rest:
        return total
    count = _count(rest)
    return None if count is None or count >= last_unit else total + count


def _count(text: str) -> Decimal | None:
    if len(text) > _MOST_DIGITS:
        return None
    if _THOUSANDS.fullmatch(text) or _PLAIN.fullmatch(text):
        return Decimal(text.replace(",", ""))
    return None


def _negative(number: Decimal | None) -> Decimal | None:
    return _times(-1, number)


def _times(sign: int, number: Decimal | None) -> Decimal | None:
    return number.copy_negate() if number is not None and sign < 0 else number
