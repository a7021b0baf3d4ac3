"""`make quality`: run the checkpoints of one boundary or both, and write Data Docs."""

from __future__ import annotations

import importlib.util
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb

from kpi_warehouse.errors import BuildError, UserError
from kpi_warehouse.settings import PROJECT_DIR, Settings, business_utc_offset

if TYPE_CHECKING:
    from kpi_warehouse.quality.checks import Batch

STAGING_DIR = PROJECT_DIR / "models" / "staging"
SEEDS_DIR = PROJECT_DIR / "seeds"
Say = Callable[[str], None]


def check_quality(settings: Settings, say: Say, is_landed: bool, is_published: bool) -> Path:
    """Check the landed extracts, the published marts, or both; returns the index of Data Docs.

    Raises UserError if there is nothing to check, and BuildError, after everything was said, if
    an expectation of severity error failed.
    """
    if is_landed:
        _refuse_nothing_landed(settings.landing_dir)
    if is_published:
        _refuse_nothing_published(settings.warehouse_path)
    _refuse_missing_group()
    say("loading Great Expectations")
    from kpi_warehouse.quality.checkpoint import Checkpoint
    from kpi_warehouse.quality.data_docs import IndexFinding, IndexRow, publish_offline
    from kpi_warehouse.quality.report import closing_line, finding_lines, in_order

    as_of_date = settings.resolve_as_of_date()
    target = settings.data_dir / "quality" / "data_docs"
    draft = target.with_name(f".{target.name}.partial")
    shutil.rmtree(draft, ignore_errors=True)
    checkpoint = Checkpoint(draft)
    results, skipped = [], []
    if is_landed:
        say(f"checking the landed extracts as of {as_of_date}")
        batches, skipped = landed_batches(settings)
        results += checkpoint.run(batches, say)
        if skipped:
            say(f"  not delivered, not checked: {', '.join(skipped)}")
    if is_published:
        say(f"checking the published marts as of {as_of_date}")
        results += checkpoint.run(_published_batches(settings), say)
    findings = in_order(results)
    say("writing Data Docs")
    checkpoint.write_data_docs()
    page = publish_offline(
        draft,
        target,
        [
            IndexRow(
                name=result.batch.name,
                title_ja=result.batch.title_ja,
                title_en=result.batch.title_en,
                expectation_count=result.expectation_count,
                errors=sum(each.rule.severity == "error" for each in result.findings),
                warnings=sum(each.rule.severity == "warning" for each in result.findings),
                page=result.page,
            )
            for result in results
        ],
        [
            IndexFinding(
                severity=finding.rule.severity,
                name_ja=finding.rule.name_ja,
                name_en=finding.rule.name_en,
                where=finding.where,
                expected=finding.expected,
                found=finding.found,
                mend=finding.rule.mend,
            )
            for finding in findings
        ],
        skipped,
        f"基準日 as of {as_of_date}",
    )
    say("")
    for line in finding_lines(findings):
        say(line)
    say(closing_line(results, findings))
    say(f"Data Docs: {page}")
    errors = [finding for finding in findings if finding.rule.severity == "error"]
    if errors:
        raise BuildError(
            f"{len(errors)} expectations of severity error failed",
            [f"{finding.rule.name_en}: {finding.where}" for finding in errors],
        )
    return page


def landed_batches(settings: Settings) -> tuple[list[Batch], list[str]]:
    """The landed objects with their suites, and the names of objects without any file."""
    from kpi_warehouse.quality.extracts import read_objects
    from kpi_warehouse.quality.landed_profile import has_files, open_landing
    from kpi_warehouse.quality.landed_suite import landed_batch

    # beside the Data Docs; DuckDB's own choice would be the current directory
    spill = settings.data_dir / "quality" / "spill"
    landing = open_landing(
        settings.landing_dir,
        SEEDS_DIR,
        settings.resolve_as_of_date(),
        business_utc_offset(),
        settings.memory_limit,
        spill,
    )
    try:
        batches, skipped = [], []
        for layout in read_objects(STAGING_DIR):
            if has_files(landing, layout):
                batches.append(landed_batch(landing, layout))
            else:
                skipped.append(layout.full_name)
        return batches, skipped
    except (duckdb.IOException, FileNotFoundError) as error:
        raise UserError(
            "changed while it was read", settings.landing_dir, "wait for the build's end and retry"
        ) from error
    finally:
        landing.connection.close()
        shutil.rmtree(spill, ignore_errors=True)


def _published_batches(settings: Settings) -> list[Batch]:
    from kpi_warehouse.quality.published_suite import published_batches

    connection = _open(settings.warehouse_path)
    try:
        connection.execute("set memory_limit = $limit", {"limit": settings.memory_limit})
        definitions = SEEDS_DIR / "registry" / "kpi_definitions.csv"
        return list(published_batches(connection, definitions, settings.resolve_as_of_date()))
    finally:
        connection.close()


def _refuse_nothing_landed(landing_dir: Path) -> None:
    if not any((landing_dir / "_files").glob("*.parquet")):
        raise UserError("nothing is landed", landing_dir, "run make land")


def _refuse_nothing_published(warehouse: Path) -> None:
    if not warehouse.is_file():
        raise UserError("no warehouse yet", warehouse, "run make build")
    connection = _open(warehouse)
    try:
        found = connection.execute(
            "select count(*) from duckdb_tables() where schema_name = 'marts'"
        ).fetchone()
    finally:
        connection.close()
    if found == (0,):
        raise UserError("its marts are not built", warehouse, "run make build")


def _open(warehouse: Path) -> duckdb.DuckDBPyConnection:
    try:
        return duckdb.connect(str(warehouse), read_only=True)
    except duckdb.Error as error:
        raise UserError("cannot be opened", warehouse, "close its writer and retry") from error


def _refuse_missing_group() -> None:
    if importlib.util.find_spec("great_expectations") is None:
        raise UserError(
            "not installed", "great_expectations", "run make quality, which installs it"
        )
