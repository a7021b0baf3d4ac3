"""Run suites against their profiles with Great Expectations, and turn failures into findings."""

from __future__ import annotations

import html
import logging
import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

# before the import: it decides then whether to report usage, which is a request to outside
os.environ["GX_ANALYTICS_ENABLED"] = "false"

import great_expectations as gx
import pandas as pd
from great_expectations.core import ExpectationValidationResult
from great_expectations.data_context.types.base import (
    DataContextConfig,
    InMemoryStoreBackendDefaults,
)

from kpi_warehouse.quality.checks import Batch, percent
from kpi_warehouse.quality.rules import RULES, Rule

_SITE = "data_docs"
# rows named in one finding
_MOST_NAMED = 5


@dataclass(frozen=True)
class Finding:
    """One expectation that failed: where, what was expected and what was found instead.

    `was_checked` is false if it could not even be looked at, which is a defect of the profile.
    """

    rule: Rule
    suite: str
    column: str
    where: str
    expected: str
    found: str
    was_checked: bool


@dataclass(frozen=True)
class SuiteResult:
    """What came of one suite."""

    batch: Batch
    expectation_count: int
    findings: tuple[Finding, ...]
    page: str


class Checkpoint:
    """A checkpoint over any number of batches, and the Data Docs of what it found."""

    def __init__(self, docs_dir: Path | None = None) -> None:
        """`docs_dir` is where Data Docs go; without it none are written."""
        # its warnings are about its own configuration, its progress bars about single metrics
        logging.getLogger("great_expectations").setLevel(logging.ERROR)
        sites = {} if docs_dir is None else {_SITE: _site(docs_dir)}
        config = DataContextConfig(
            store_backend_defaults=InMemoryStoreBackendDefaults(init_temp_docs_sites=False),
            data_docs_sites=sites,
            analytics_enabled=False,
        )
        self._context = gx.get_context(project_config=config, mode="ephemeral")
        self._context.variables.progress_bars = {"globally": False, "metric_calculations": False}
        self._source = self._context.data_sources.add_pandas("profiles")

    def run(self, batches: Iterable[Batch], say: Callable[[str], None]) -> list[SuiteResult]:
        """Validate each batch; a line of progress for each."""
        return [self._validate(batch, say) for batch in batches]

    def write_data_docs(self) -> None:
        """Write the pages of every suite that was validated."""
        self._context.build_data_docs(site_names=[_SITE])

    def _validate(self, batch: Batch, say: Callable[[str], None]) -> SuiteResult:
        # a point in a name makes a folder, which the links of Data Docs do not know of
        name = batch.name.replace(".", "-")
        asset = self._source.add_dataframe_asset(name)
        suite = gx.ExpectationSuite(name=name, expectations=list(batch.expectations))
        definition = self._context.validation_definitions.add(
            gx.ValidationDefinition(
                name=name,
                data=asset.add_batch_definition_whole_dataframe("profile"),
                suite=self._context.suites.add(suite),
            )
        )
        result = definition.run(
            batch_parameters={"dataframe": _escaped(batch.frame)},
            result_format={
                "result_format": "COMPLETE",
                "unexpected_index_column_names": list(batch.where),
                "include_unexpected_rows": False,
            },
        )
        findings = tuple(_finding(batch, each) for each in result.results if not each.success)
        count = len(result.results)
        failed = f"{len(findings)} failed" if findings else "ok"
        say(f"  {batch.name:<44}{len(batch.frame):>5} rows {count:>4} expectations  {failed}")
        return SuiteResult(batch, count, findings, f"validations/{name}/**/*.html")


def _escaped(frame: pd.DataFrame) -> pd.DataFrame:
    """The frame with its texts, such as file names, as HTML: Data Docs do not escape values."""
    return frame.map(lambda value: html.escape(value) if isinstance(value, str) else value)


def _site(docs_dir: Path) -> dict[str, Any]:
    return {
        "class_name": "SiteBuilder",
        "show_how_to_buttons": False,
        "store_backend": {
            "class_name": "TupleFilesystemStoreBackend",
            "base_directory": str(docs_dir),
        },
        "site_index_builder": {"class_name": "DefaultSiteIndexBuilder"},
    }


def _finding(batch: Batch, result: ExpectationValidationResult) -> Finding:
    config = result.expectation_config
    rule = RULES[config.meta["rule"]]
    column = config.kwargs.get("column") or config.kwargs.get("column_B", "")
    was_checked = bool(result.result) and not result.exception_info.get("raised_exception")
    if not was_checked:
        rows: list[str] = []
        found = "could not be checked: the profile lacks the column, or the values are no numbers"
    else:
        rows, found = _what_was_found(batch.frame, column, batch.where, result.result)
    named = rows[:_MOST_NAMED]
    if len(rows) > len(named):
        named.append(f"and {len(rows) - len(named)} more")
    return Finding(
        rule=rule,
        suite=batch.name,
        column=column,
        where=f"{batch.name.partition('.')[2]}, {column}"
        + (f": {', '.join(named)}" if named else ""),
        expected=config.meta["expected"],
        found=found,
        was_checked=was_checked,
    )


def _what_was_found(
    frame: pd.DataFrame, column: str, where: Sequence[str], result: dict[str, Any]
) -> tuple[list[str], str]:
    """The rows that are not as expected, and their values, most telling first."""
    places = result.get("unexpected_index_list")
    if places is None:
        return [], _in_words(column, result.get("observed_value"))
    rows = [html.unescape(" ".join(str(place[name]) for name in where)) for place in places]
    values = [_in_words(column, place[column]) for place in places]
    if column == "unreadable_share":
        names = dict(zip(frame["file_name"], frame["unreadable_column"], strict=True))
        values = [f"{value} of {names[row]}" for value, row in zip(values, rows, strict=True)]
    shown = list(dict.fromkeys(values))[:_MOST_NAMED]
    return rows, ", ".join(shown)


def _in_words(column: str, value: object) -> str:
    if isinstance(value, list | set | tuple):
        return ", ".join(str(each) for each in value)
    if column.endswith("_share") or column.startswith(("empty_", "unmapped_")):
        return percent(float(value))
    if column.endswith(("_to_recent", "_ratio")):
        return percent(float(value))
    if isinstance(value, float):
        return f"{value:,.6g}"
    return html.unescape(str(value))
