"""Damaged files through whole builds: many beside a clean world, whose facts may not change."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb
from openpyxl import load_workbook

from kpi_warehouse.dbt_build import WITHOUT_UNIT_TESTS, run_dbt_build
from kpi_warehouse.errors import EXIT_BUILD_FAILED, SUCCESS
from kpi_warehouse.fuzz.cases import Case
from kpi_warehouse.fuzz.corpus import PRIVATE
from kpi_warehouse.kpi_sheet import PAGE, WORKBOOK
from kpi_warehouse.landing import land, read_layouts
from kpi_warehouse.pipeline import STAGING_DIR
from kpi_warehouse.settings import PROJECT_DIR, SAMPLE_MANIFEST
from kpi_warehouse.world import WorldOptions, write_sample

SECONDS_PER_BUILD = 1200
# What these hold concerns everybody's figures: days closed for all, and targets, of which an
# unknown KPI is meant to stop the build. They are landed one by one only.
_NOT_BUILT = {("planning", "company_holidays"), ("planning", "targets")}
_PARSED = Path("data", "dbt", "target", "partial_parse.msgpack")
_ACCOUNT_TEST = "int_row_accounting__every_landed_row_has_one_fate"
_FORMULA_STARTS = tuple("=+-@\t\r\n＝＋－＠")
_RAW_HTML = ("<script>alert(1)", "<img src=x onerror")
_CLEAN_WORLD = WorldOptions(seed=5, activities=1_500)


@dataclass(frozen=True)
class Done:
    """A command that ended: its exit code and what it said."""

    code: int
    text: str

    @property
    def problems(self) -> Iterator[str]:
        """Whether it ended otherwise than a command of this project may."""
        if "Traceback (most recent call last)" in self.text:
            yield "a traceback: " + self.text[-1500:]
        elif self.code > 2 or self.code < 0:
            yield f"exit code {self.code}"
        # the summary lists codes without a mapping, which are data and have to be shown; a cut
        # line may move any value into the column of a code
        lines = [line for line in self.text.lower().splitlines() if " → " not in line]
        if any(PRIVATE.lower() in line for line in lines):
            yield "a message shows a value"


class BuildTrial:
    """A clean world, the warehouse of it, and builds of it beside damaged files."""

    def __init__(self, folder: Path, options: WorldOptions = _CLEAN_WORLD) -> None:
        self._folder = folder
        self._clean = folder / "clean"
        self._reference = folder / "reference" / "warehouse.duckdb"
        shutil.rmtree(folder, ignore_errors=True)
        write_sample(self._clean, options)
        # where the batches are built as well, so that dbt parses the project once
        warehouse = self._batch / self._reference.name
        warehouse.parent.mkdir()
        private = warehouse.with_name("warehouse.building.duckdb")
        data_dir = self._batch / "data"
        land(self._clean, data_dir / "landing", read_layouts(STAGING_DIR), lambda line: None)
        # models only: every batch runs the data tests, on these rows as well
        run_dbt_build(
            self._environment(self._clean, private)
            | {"DUCKDB_MEMORY_LIMIT": "4GB", "UNMAPPED_SEVERITY": "warn"},
            data_dir / "dbt",
            lambda line: None,
            ("build", "--exclude-resource-type", "test", *WITHOUT_UNIT_TESTS),
        )
        self._reference.parent.mkdir()
        shutil.move(private, self._reference)

    def run(self, cases: Sequence[Case]) -> list[str]:
        """Build the world beside these files; a line for each thing that is wrong."""
        extracts, warehouse = self._prepare(cases)
        before = _digest(warehouse)
        inputs = _files(extracts)
        done = self._run("build.py", extracts, warehouse)
        problems = list(done.problems)
        if done.code == EXIT_BUILD_FAILED:
            problems.append("the build failed on what is wrong with data: " + done.text[-1500:])
        elif done.code != SUCCESS:
            problems.append("one damaged file stopped the build: " + done.text[-500:])
        if done.code != SUCCESS:
            if _digest(warehouse) != before:
                problems.append("the build failed, and the warehouse of before has changed")
            return problems
        if _files(extracts) != inputs or list((self._batch / "cwd").iterdir()):
            problems.append("the build wrote among the extracts or into its current folder")
        problems += self._account_problems()
        problems += self._warehouse_problems(warehouse)
        problems += self._export_problems(extracts, warehouse)
        return problems

    def run_strictly(self, cases: Sequence[Case]) -> list[str]:
        """Build so that a code nobody mapped fails it; the warehouse of before has to stay."""
        extracts, warehouse = self._prepare(cases)
        leads = extracts / "generic" / "leads_unmapped.csv"
        leads.parent.mkdir(exist_ok=True)
        leads.write_text("lead_id,created_at,source\nFZ1ZF,2026-02-02,a code of nobody\n")
        before = _digest(warehouse)
        done = self._run("build.py", extracts, warehouse, {"STRICT": "1"})
        problems = list(done.problems)
        if done.code != EXIT_BUILD_FAILED:
            problems.append(f"a code without a mapping ended a strict build with {done.code}")
        if _digest(warehouse) != before:
            problems.append("a build failed, and the warehouse of before has changed")
        return problems

    def isolate(self, cases: Sequence[Case], builds: int = 12) -> list[Case]:
        """As few of the cases as so many builds find, beside which a build goes wrong."""
        left = list(cases)
        while len(left) > 1 and builds > 0:
            middle = len(left) // 2
            for half in (left[:middle], left[middle:]):
                builds -= 1
                if self.run(half):
                    left = half
                    break
            else:
                break
        return left

    @property
    def _batch(self) -> Path:
        return self._folder / "batch"

    def _prepare(self, cases: Sequence[Case]) -> tuple[Path, Path]:
        parsed = self._batch / _PARSED
        what_dbt_parsed = parsed.read_bytes()
        shutil.rmtree(self._batch)
        parsed.parent.mkdir(parents=True)
        parsed.write_bytes(what_dbt_parsed)
        extracts, warehouse = self._batch / "extracts", self._batch / self._reference.name
        shutil.copytree(self._clean, extracts)
        # of a sample's note only the day counts, and the build is told it
        (extracts / SAMPLE_MANIFEST).unlink(missing_ok=True)
        shutil.copy(self._reference, warehouse)
        for case in cases:
            if (case.source.system, case.source.name) not in _NOT_BUILT:
                case.write_to(extracts)
        (self._batch / "cwd").mkdir()
        return extracts, warehouse

    def _run(
        self,
        script: str,
        extracts: Path,
        warehouse: Path,
        more: Mapping[str, str] | None = None,
        arguments: Sequence[str] = (),
    ) -> Done:
        cwd = warehouse.parent / "cwd"
        cwd.mkdir(exist_ok=True)
        done = subprocess.run(
            [sys.executable, str(PROJECT_DIR / "scripts" / script), *arguments],
            cwd=cwd,
            env=os.environ | self._environment(extracts, warehouse) | (more or {}),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=SECONDS_PER_BUILD,
            check=False,
        )
        return Done(done.returncode, done.stdout.decode("utf-8", "backslashreplace"))

    def _environment(self, extracts: Path, warehouse: Path) -> dict[str, str]:
        as_of_date = json.loads((self._clean / SAMPLE_MANIFEST).read_text("utf-8"))["as_of_date"]
        return {
            "EXTRACTS_DIR": str(extracts),
            "DATA_DIR": str(warehouse.parent / "data"),
            "WAREHOUSE_PATH": str(warehouse),
            "AS_OF_DATE": as_of_date,
            "STRICT": "0",
            "RESTATE_HISTORY": "0",
        }

    def _account_problems(self) -> Iterator[str]:
        """The test that balances every row ran, and passed."""
        path = self._batch / "data" / "dbt" / "target" / "run_results.json"
        results = json.loads(path.read_text("utf-8"))["results"]
        found = {row["status"] for row in results if _ACCOUNT_TEST in row["unique_id"]}
        if found != {"pass"}:
            yield f"the account of rows is {', '.join(sorted(found)) or 'not tested'}"

    def _warehouse_problems(self, warehouse: Path) -> Iterator[str]:
        with duckdb.connect() as connection:
            for name, path in (("clean", self._reference), ("dirty", warehouse)):
                # paths of this run's own, no data
                connection.execute(f"attach '{path}' as {name} (read_only)")
            tables = {name: _tables(connection, name) for name in ("clean", "dirty")}
            if tables["clean"] != tables["dirty"]:
                yield "the warehouse holds tables that are not the project's, or lacks some"
                return
            facts = [each for each in tables["clean"] if each[1].startswith("fct_")]
            if not facts:
                yield "the warehouse holds no facts"
            for schema, table in facts:
                (missing,) = connection.execute(
                    f"select count(*) from (select * from clean.{schema}.{table} "
                    f"except all select * from dirty.{schema}.{table})"
                ).fetchone()
                if missing:
                    yield f"{missing} clean rows of {table} changed beside damaged files"
            leaks = connection.execute(
                "select distinct rule from dirty.marts.data_quality_findings as finding "
                "where not starts_with(rule, 'unmapped_') "
                "and contains(lower(cast(finding as varchar)), $private)",
                {"private": PRIVATE.lower()},
            ).fetchall()
            yield from (f"a finding of {rule} shows a value" for (rule,) in leaks)

    def _export_problems(self, extracts: Path, warehouse: Path) -> Iterator[str]:
        """No cell of an export is a formula, and no text of the data is markup."""
        folder = self._batch / "sheet"
        sheet = self._run("kpi_sheet.py", extracts, warehouse, arguments=["--out", str(folder)])
        mappings = self._run("mappings.py", extracts, warehouse, arguments=["--write"])
        yield from (*sheet.problems, *mappings.problems)
        if sheet.code != SUCCESS or mappings.code != SUCCESS:
            yield f"an export ended with {sheet.code}, {mappings.code}"
            return
        for worksheet in load_workbook(folder / WORKBOOK).worksheets:
            for row in worksheet.iter_rows():
                if any(cell.data_type == "f" for cell in row):
                    yield f"a formula in the KPI sheet's {worksheet.title}"
        page = (folder / PAGE).read_text("utf-8")
        yield from (f"{text} in the KPI sheet's page" for text in _RAW_HTML if text in page)
        for path in (self._batch / "data" / "mappings").glob("*.csv"):
            text = path.read_bytes().decode("utf-8-sig")
            for cells in csv.reader(io.StringIO(text, newline="")):
                if any(cell.startswith(_FORMULA_STARTS) for cell in cells):
                    yield f"a formula in {path.name}"


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _files(folder: Path) -> set[Path]:
    return {path for path in folder.rglob("*") if path.is_file()}


def _tables(connection: duckdb.DuckDBPyConnection, catalog: str) -> list[tuple[str, str]]:
    return connection.execute(
        "select table_schema, table_name from information_schema.tables "
        "where table_catalog = $catalog order by all",
        {"catalog": catalog},
    ).fetchall()
