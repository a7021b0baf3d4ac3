"""How the review writes numbers: 万円 in Japanese, yen in English, no sign that a formula has."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal

from kpi_warehouse.console import MISSING
from kpi_warehouse.kpi_sheet.content import Number

JA, EN = "ja", "en"
LANGUAGES = (JA, EN)
_MAN = 10_000
# below, 万円 would hide most of the digits
_MAN_FROM = 100_000
# an average deal is above, calls per lead are below
_YEN_FROM = 1_000
_DECIMALS = {"ratio": 2, "hours": 1, "minutes": 1, "days": 1, "deals": 1}


def figure(value: Number | None, unit: str, language: str) -> str:
    """A number by its unit, a dash if there is none."""
    if value is None:
        return MISSING
    if unit == "rate":
        return f"{_fixed(Decimal(str(value)) * 100, 1)}%"
    if unit == "jpy":
        return yen(value, language)
    return _fixed(Decimal(str(value)), _DECIMALS.get(unit, 0))


def rate_unit(value: Number | None) -> str:
    """How a rate of the KPI tree is written: up to 1 it is a share, from 1,000 on yen per deal."""
    if value is None or value <= 1:
        return "rate"
    return "ratio" if value < _YEN_FROM else "jpy"


def yen(value: Number, language: str) -> str:
    """An amount: 3,282万円 or 45,000円 in Japanese, ¥32,820,000 in English."""
    exact = Decimal(str(value))
    if language == EN:
        sign, digits = ("−", -exact) if exact < 0 else ("", exact)
        return f"{sign}¥{_fixed(digits, 0)}"
    if abs(exact) >= _MAN_FROM:
        return f"{_fixed(exact / _MAN, 0)}万円"
    return f"{_fixed(exact, 0)}円"


def interval(low: Number, high: Number, unit: str, language: str) -> str:
    """From low to high, the unit of an amount once where it is the same."""
    first, last = figure(low, unit, language), figure(high, unit, language)
    for sign in ("万円", "円"):
        if last.endswith(sign) and first.endswith(sign):
            if sign == "円" and "万" in first + last:
                break
            return f"{first.removesuffix(sign)}–{last}"
    return f"{first}–{last}"


def difference(value: Number, unit: str, language: str) -> str:
    """A difference with its sign; of rates in points."""
    exact = Decimal(str(value))
    sign = "−" if exact < 0 else "±" if exact == 0 else "＋"
    if unit == "rate":
        return f"{sign}{_fixed(abs(exact) * 100, 1)}pt"
    return f"{sign}{figure(abs(exact), unit, language)}"


def _fixed(value: Decimal, decimals: int) -> str:
    # half up, as people round; a minus that no spreadsheet takes for the start of a formula
    rounded = value.quantize(Decimal(1).scaleb(-decimals), ROUND_HALF_UP)
    return f"{rounded:,}".replace("-", "−") if rounded else f"{abs(rounded):,}"
