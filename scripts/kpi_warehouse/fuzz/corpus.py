"""Clean small extracts of every object, made from what the sources declare; no world is needed.

The ids stand between marks that no real id has, so that rows of the fuzzer meet rows of another
world nowhere, and free texts hold a word that no message may ever show.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from random import Random

from kpi_warehouse.yaml_file import read_yaml

# Stands in names, notes, addresses and numbers, which are personal data or might be.
PRIVATE = "Zqxsecret"
ID_MARKS = ("FZ", "ZF")
# The rows of a table, enough for a damage to leave some of them whole.
ROWS = 12
_FIRST_DAY = datetime(2026, 2, 2, 0, 30)
# what closed vocabularies and codes hold; everything else is free text
_WORDS: dict[str, tuple[str, ...]] = {
    "source": ("Web", "展示会", "資料請求", "Trade Show"),
    "lead_source": ("Web", "展示会", "資料請求", "Trade Show"),
    "latest_source": ("ウェビナー", "紹介"),
    "status": ("新規", "Open", "架電中"),
    "direction": ("outbound", "inbound"),
    "disposition": ("接続", "不在", "担当者接続"),
    "call_disposition": ("接続", "不在", "担当者接続"),
    "reached": ("target", "gatekeeper"),
    "logged_by": ("dialer", "crm"),
    "kind": ("one_to_one", "bulk"),
    "event": ("delivered", "open", "click"),
    "activity_channel": ("dm", "form"),
    "stage": ("初回商談", "提案", "受注"),
    "stage_name": ("初回商談", "提案", "受注"),
    "outcome": ("実施", "no show"),
    "judgement": ("有効", "not qualified"),
    "department": ("インサイドセールス", "field sales"),
    "currency": ("XFZ",),
    "currency_iso_code": ("JPY", "XFZ"),
    "kpi_id": ("meetings", "calls_made"),
    "channel": ("webinar", "referral"),
    "hours_source": ("timesheet",),
    "call_type": ("発信", "発信 (不在)", "着信", "転送"),
    "type": ("Call", "Email", "Meeting"),
    "task_subtype": ("Call", "Email"),
    "field": ("Status", "Owner", "Permission__c"),
    "category": ("newsletter", "one_to_one"),
    "industry": ("製造", "Software"),
}
# Figures per day, channel or currency, which have no ids of their own.
_OTHER_DAYS = date(2001, 3, 5)


@dataclass(frozen=True)
class Column:
    """One column as the sources declare it."""

    name: str
    data_type: str
    is_required: bool
    is_key: bool


@dataclass(frozen=True)
class Source:
    """One object of one source system, with its columns."""

    system: str
    name: str
    columns: tuple[Column, ...]

    @property
    def key(self) -> list[str]:
        """The columns that tell a row from another."""
        return [column.name for column in self.columns if column.is_key]


@dataclass
class Table:
    """The header of an extract and its records, as text; damages change it in place."""

    header: list[str]
    rows: list[list[str]]


def read_sources(staging_dir: Path) -> list[Source]:
    """Every object that landing knows, from the same files, by system and name."""
    sources = []
    for path in sorted(staging_dir.glob("*/_*__sources.yml")):
        for source in read_yaml(path).get("sources", []):
            for table in source.get("tables", []):
                if "key" in (meta := _meta(table)):
                    columns = tuple(
                        Column(
                            column["name"],
                            column["data_type"],
                            bool(_meta(column).get("required") or _meta(column).get("mandatory")),
                            column["name"] in meta["key"],
                        )
                        for column in table["columns"]
                        # what landing computes is in no file
                        if "folded_from" not in _meta(column)
                    )
                    sources.append(Source(source["name"], table["name"], columns))
    return sorted(sources, key=lambda source: (source.system, source.name))


def clean_table(source: Source, random: Random, first: int = 0) -> Table:
    """A small extract without any damage; `first` numbers its rows apart from another's."""
    rows = [
        [_value(source, column, first + index, random) for column in source.columns]
        for index in range(ROWS)
    ]
    return Table([column.name for column in source.columns], rows)


def _value(source: Source, column: Column, number: int, random: Random) -> str:
    name = column.name
    if name in ("lead_id", "who_id") or (name == "id" and source.name == "lead"):
        return _id("L", number if column.is_key else random.randrange(ROWS))
    if column.is_key and column.data_type in ("text", "salesforce_id") and name not in _WORDS:
        return _id(source.name[:3].upper(), number)
    if column.data_type == "salesforce_id" or name.endswith("_id"):
        known = name in _WORDS
        return random.choice(_WORDS[name]) if known else _id("U", random.randrange(5))
    moment = _FIRST_DAY + timedelta(hours=5 * (number % 500), minutes=random.randrange(240))
    if column.is_key and column.data_type in ("date", "month"):
        return (_OTHER_DAYS + timedelta(days=31 * (number % 60))).isoformat()
    if column.data_type == "timestamp":
        if source.system == "sendgrid":
            return str(int(moment.timestamp()))
        return f"{moment:%Y-%m-%dT%H:%M:%S}" + (
            ".000+0000" if source.system == "salesforce" else ""
        )
    if column.data_type == "date":
        return f"{moment:%Y-%m-%d}"
    if column.data_type == "month":
        return f"{moment:%Y-%m-01}"
    if column.data_type == "boolean":
        return random.choice(["true", "false", ""])
    if column.data_type in ("integer", "decimal"):
        return str(random.randrange(1, 900))
    if column.data_type == "phone" or name in ("phone", "from_number", "to_number"):
        return f"0700{random.randrange(10**7):07d}"
    if column.data_type == "email" or name in ("email", "recipient"):
        return f"{PRIVATE}.{number}@example.com".lower()
    if name in _WORDS:
        return random.choice(_WORDS[name])
    return random.choice([f"{PRIVATE} {number}", f"株式会社{PRIVATE}", f'{PRIVATE}, "引用"', ""])


def _id(kind: str, number: int) -> str:
    return f"{ID_MARKS[0]}{kind}{number:09d}{ID_MARKS[1]}"


def _meta(node: dict) -> dict:
    return node.get("config", {}).get("meta", {})
