"""What reading one text gives, and how a text is tidied before it is read."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from dataclasses import dataclass

# Rules of seeds/registry/data_quality_rules.csv that this package reports.
SPREADSHEET_DATE_REPAIRED = "spreadsheet_date_repaired"
PHONE_ZERO_RESTORED = "phone_zero_restored"
UNREADABLE_PHONE = "unreadable_phone"
ID_DAMAGED = "id_damaged_by_spreadsheet"
UNDECLARED_FORM = "undeclared_form"

# No date, number, number word or address is longer; what is longer is not looked into.
LONGEST_VALUE = 200


@dataclass(frozen=True, slots=True)
class Reading:
    """The text to land, None for no value, and the rule to report if something was done to it."""

    text: str | None
    rule: str | None = None


NO_VALUE = Reading(None)

# Reads a text. None: the text is not of a form that is declared.
Reader = Callable[[str], Reading | None]


def tidy(text: str) -> str:
    """One width for letters, digits and blanks (NFKC), no outer blanks.

    Full-width digits become plain ones, ㈱ becomes (株), half-width kana become full-width.
    """
    return unicodedata.normalize("NFKC", text).strip()
