"""Lay the "Marketing Funnel by Olist" data out as generic extracts.

The data is 8,000 marketing-qualified leads and 842 closed deals of a real sales-development
team. It is not part of this project (CC BY-NC-SA 4.0): OLIST_DIR says where it lies.

    python tests/olist/convert.py <folder for the extracts>
"""

from __future__ import annotations

import csv
import datetime as dt
import os
import sys
from collections.abc import Iterable
from pathlib import Path
from zoneinfo import ZoneInfo

LEADS = "marketing_qualified_leads.csv"
DEALS = "closed_deals.csv"
# beside the project, for machines that keep shared data there
BESIDE = Path(__file__).resolve().parents[3] / "shared" / "data" / "olist"
# the data's dates are taken as the business time zone's own
BUSINESS_ZONE = ZoneInfo("Asia/Tokyo")

Row = dict[str, str]


def find_olist() -> Path | None:
    """Return the folder of the data, or None if it is not on this machine."""
    given = os.environ.get("OLIST_DIR")
    folder = Path(given) if given else BESIDE
    return folder if (folder / LEADS).is_file() and (folder / DEALS).is_file() else None


def convert(olist_dir: Path, out: Path) -> None:
    """Write `generic/` extracts of the data below `out`.

    A lead is acquired, and handed to the sellers' team, at 00:00 of its first contact date.
    A closed deal is one opportunity, created and won at its won_date: the data holds neither
    open nor lost deals, nor an amount to trust. Timestamps are written in UTC, dates as they
    are. An origin that is empty stays empty and is not the origin `unknown`.
    """
    leads = _read(olist_dir / LEADS)
    deals = _read(olist_dir / DEALS)
    folder = out / "generic"
    folder.mkdir(parents=True, exist_ok=True)
    _write(folder / "leads.csv", map(_lead, leads))
    _write(folder / "opportunities.csv", map(_opportunity, deals))
    _write(folder / "opportunity_stage_history.csv", map(_won, deals))
    _write(folder / "users.csv", _users(deals))


def utc(local: str) -> str:
    """Return a business-zone local time (ISO; a date is its 00:00) as an ISO time in UTC."""
    time = dt.datetime.fromisoformat(local).replace(tzinfo=BUSINESS_ZONE)
    return time.astimezone(dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _lead(lead: Row) -> Row:
    first_contact = utc(lead["first_contact_date"])
    return {
        "lead_id": lead["mql_id"],
        "created_at": first_contact,
        "source": lead["origin"],
        "handed_over_at": first_contact,
    }


def _opportunity(deal: Row) -> Row:
    return {
        "opportunity_id": _opportunity_id(deal),
        "lead_id": deal["mql_id"],
        "account_id": deal["seller_id"],
        "created_at": utc(deal["won_date"]),
        "stage": "won",
        "owner_id": deal["sr_id"],
        "created_by_id": deal["sdr_id"],
        "close_date": deal["won_date"][:10],
        "is_closed": "true",
        "is_won": "true",
    }


def _won(deal: Row) -> Row:
    return {
        "opportunity_id": _opportunity_id(deal),
        "stage": "won",
        "entered_at": utc(deal["won_date"]),
        "owner_id": deal["sr_id"],
        "changed_by_id": deal["sdr_id"],
    }


def _opportunity_id(deal: Row) -> str:
    """Return an id of its own; the data has at most one deal per lead."""
    return f"deal-{deal['mql_id']}"


def _users(deals: list[Row]) -> list[Row]:
    """Return the users by id; whoever works as an SDR at all belongs to inside sales."""
    departments = {deal["sr_id"]: "field_sales" for deal in deals}
    departments |= {deal["sdr_id"]: "inside_sales" for deal in deals}
    return [
        {"user_id": user, "name": user, "team": department, "department": department}
        for user, department in sorted(departments.items())
    ]


def _read(path: Path) -> list[Row]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _write(path: Path, rows: Iterable[Row]) -> None:
    """Write rows of the same columns; there is at least one."""
    rows = list(rows)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def main() -> int:
    """Convert into the folder named on the command line."""
    folder = find_olist()
    if folder is None or len(sys.argv) != 2:
        print(
            f"needs {LEADS} and {DEALS}: set OLIST_DIR to their folder"
            if folder is None
            else "usage: convert.py <folder for the extracts>",
            file=sys.stderr,
        )
        return 2
    convert(folder, Path(sys.argv[1]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
