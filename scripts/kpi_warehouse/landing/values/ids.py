"""Ids that a spreadsheet has taken for numbers."""

from __future__ import annotations

import re

from kpi_warehouse.landing.values.reading import ID_DAMAGED, Reader, Reading

# 1.23457E+18: of nineteen digits six are left, so that no id can be made of it again.
_SCIENTIFIC = re.compile(r" *-?[0-9](?:[.,][0-9]+)?[Ee]\+[0-9]{2,3} *")


def is_id(column_name: str, data_type: str) -> bool:
    """Whether a column holds ids, which are text and never numbers."""
    return data_type == "salesforce_id" or (
        data_type == "text" and (column_name == "id" or column_name.endswith("_id"))
    )


def id_reader() -> Reader:
    """Reads ids as they are; one that is damaged becomes NULL, and that is said."""

    def read(text: str) -> Reading:
        if _SCIENTIFIC.fullmatch(text):
            return Reading(None, ID_DAMAGED)
        return Reading(text)

    return read
