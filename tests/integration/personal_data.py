"""Finds the sample world's persons and companies in texts, files and tables, in whatever form."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import duckdb

from kpi_warehouse.world import WorldLog
from kpi_warehouse.world.prospects import COMPANY_FIRST, COMPANY_SECOND
from kpi_warehouse.world.writers.generic_calls import NOTES
from kpi_warehouse.world.writers.identities import strangers_numbers
from kpi_warehouse.world.writers.native_people import FAMILY_NAMES, main_lines
from kpi_warehouse.world.writers.salesforce_records import MEMOS

ARCHIVES = {".xlsx", ".zip"}
DATA = {".duckdb", ".parquet", ".wal"}
"""Files that hold the raw data on purpose, or are read as tables."""
PROJECT_TEXT = {"manifest.json", "semantic_manifest.json", "partial_parse.msgpack", "graph.gpickle"}
"""What dbt makes of the project's own files, before it has seen any data; unit tests with invented
numbers are in it."""
ADDRESS = re.compile(r"[a-z0-9.+_-]+@(?:firm\d+|elsewhere|hq)\.example\.jp", re.IGNORECASE)
NUMBER = re.compile(r"(?<![\w.])\+?\d[\d()\-\u3000 ]{7,}\d(?!\w)")
SIGNIFICANT = 9
"""Digits of a number without country and zeros."""
SHOWN = 60


@dataclass(frozen=True)
class Leak:
    """A piece of personal data and where it is."""

    place: str
    kind: str
    text: str


class PersonalData:
    """What may show nowhere: names, addresses, numbers, companies and memos of a world.

    Names of reps are no part of it; their addresses are.
    """

    def __init__(self, log: WorldLog) -> None:
        self.log = log

    @cached_property
    def numbers(self) -> set[str]:
        """The nine significant digits of every number of a lead, an account or a stranger."""
        strangers = strangers_numbers(self.log.calls["lead_id"].is_null())
        texts = [*self.log.leads["phone"], *main_lines(self.log)["main_line"]]
        texts += strangers.drop_nulls().to_list()
        return {text[-SIGNIFICANT:] for text in texts}

    @cached_property
    def words(self) -> dict[str, re.Pattern[str]]:
        """Patterns by what they find."""
        memos = [line for text in (*NOTES, *MEMOS) for line in text.split("\n")]
        either = {
            "name": FAMILY_NAMES,
            "memo": [memo for memo in memos if len(memo) > 3],
        }
        found = {
            kind: re.compile("|".join(re.escape(word) for word in words))
            for kind, words in either.items()
        }
        first, second = ("|".join(words) for words in (COMPANY_FIRST, COMPANY_SECOND))
        return found | {"company": re.compile(f"(?:{first})(?:{second})"), "address": ADDRESS}

    def in_text(self, place: str, text: str) -> Iterator[Leak]:
        """What a text gives away."""
        for kind, pattern in self.words.items():
            for match in pattern.finditer(text):
                yield Leak(place, kind, match.group()[:SHOWN])
        for match in NUMBER.finditer(text):
            digits = re.sub(r"\D", "", match.group())
            bare = digits.removeprefix("81").lstrip("0")
            if bare in self.numbers:
                yield Leak(place, "number", match.group()[:SHOWN])

    def in_texts(self, place: str, texts: Iterable[str]) -> list[Leak]:
        """What any of the texts gives away."""
        return list(self.in_text(place, "\n".join(texts)))

    def in_files(self, folder: Path) -> list[Leak]:
        """What the files below a folder give away; archives are opened, data files are not."""
        leaks = []
        for path in sorted(path for path in folder.rglob("*") if path.is_file()):
            if path.suffix in DATA or path.name in PROJECT_TEXT:
                continue
            if path.suffix in ARCHIVES:
                with zipfile.ZipFile(path) as archive:
                    contents = [archive.read(name) for name in archive.namelist()]
            else:
                contents = [path.read_bytes()]
            texts = (content.decode("utf-8", errors="replace") for content in contents)
            leaks += self.in_texts(str(path.relative_to(folder)), texts)
        return leaks

    def in_tables(self, connection: duckdb.DuckDBPyConnection, schema: str) -> list[Leak]:
        """What the text columns of a schema's tables give away, every distinct value of them.

        Raises AssertionError if the schema has no text column, as nothing would be scanned.
        """
        columns = connection.execute(
            "select table_name, column_name from information_schema.columns "
            "where table_schema = ? and data_type in ('VARCHAR', 'JSON')",
            [schema],
        ).fetchall()
        assert columns, f"{schema} has no text columns"
        leaks = []
        for table, column in columns:
            if (table, column) == ("dim_reps", "name"):
                continue
            values = connection.sql(
                f'select distinct "{column}" from "{schema}"."{table}" where "{column}" is not null'
            ).fetchall()
            leaks += self.in_texts(f"{table}.{column}", (value for (value,) in values))
        return leaks
