"""Write seeds/calendar/national_holidays.csv, the Japanese national holidays.

Run it when a holiday law changes or the range of years has to grow, and review the
difference: the committed seed, not the package, is what the warehouse reads.
"""

from __future__ import annotations

import argparse
import csv
import datetime as dt
import io
import sys
from dataclasses import astuple, dataclass, fields
from pathlib import Path

import holidays

SEED = Path(__file__).resolve().parent.parent / "seeds" / "calendar" / "national_holidays.csv"
FIRST_YEAR = 2000
LAST_YEAR = 2035


@dataclass(frozen=True)
class Holiday:
    """One national holiday; the fields are the columns of the seed, in their order."""

    holiday_date: dt.date
    name_ja: str
    name_en: str


def national_holidays(first_year: int = FIRST_YEAR, last_year: int = LAST_YEAR) -> list[Holiday]:
    """Return the national holidays of Japan, substitute holidays included, by date.

    Both years are inclusive. Days that fall on a week-end are kept: they are holidays too.
    """
    years = range(first_year, last_year + 1)
    japanese = holidays.country_holidays("JP", years=years, language="ja")
    english = holidays.country_holidays("JP", years=years, language="en_US")
    return [Holiday(day, japanese[day], english[day]) for day in sorted(japanese)]


def as_csv(days: list[Holiday]) -> str:
    """Return the seed's text: a header and one line per holiday."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([field.name for field in fields(Holiday)])
    writer.writerows(astuple(day) for day in days)
    return text.getvalue()


def main(arguments: list[str] | None = None) -> int:
    """Write the seed, or with --check only say whether it is up to date (exit code 1)."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="change nothing, only compare")
    options = parser.parse_args(arguments)
    wanted = as_csv(national_holidays())
    if options.check:
        if SEED.exists() and SEED.read_text(encoding="utf-8") == wanted:
            return 0
        print(f"{SEED.name} is out of date: run scripts/refresh_calendar.py and review the change")
        return 1
    SEED.write_text(wanted, encoding="utf-8", newline="\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
