"""What every model, seed and macro carries: a name, a grain, a key, a contract, a description."""

from __future__ import annotations

import csv
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import PurePosixPath

from kpi_warehouse.yaml_file import read_yaml

from .project import Node, Project, Violation, layer, path_parts, system
from .sql_text import first_comment

GRAIN = re.compile(r"\bGrain:\s*\S")
KEY_TEST = re.compile(r"(unique(_combination|_over_systems)?|one_meaning_per_day|one_row)$")
MART_NAME = re.compile(r"(fct|dim|kpi|kgi|funnel|cohort|plan)_[a-z0-9_]+$")
# published tables whose names are agreed on and follow no prefix
MART_NAMES = {
    "definition_gap",
    "definition_gap_leads",
    "data_quality_findings",
    "row_account",
    "stage_conversion_by_cohort",
    "stage_conversion_by_cohort_total",
    "conversion_period_and_cohort",
    "won_amount_change",
    "won_amount_change_by_channel",
    "deal_loss_reasons",
    "meeting_rejection_reasons",
    "pipeline_coverage",
    "pipeline_velocity",
    "stage_durations",
    "time_to_event_by_channel_period",
    "time_to_event_by_period",
    "time_to_event_by_rep_period",
    "time_to_event_by_team_period",
    "connection_by_hour",
    "connection_by_hour_total",
    "connection_by_attempt",
    "connection_by_attempt_total",
    "best_call_times",
    "best_call_times_total",
    "rep_performance",
    "team_variance",
    "ramp_curve",
    "target_conflicts",
}
# types that DuckDB, PostgreSQL and Spark all take in a contract; `string` is dbt's own name, and
# the var holds the engine's name of its 8-byte floating point type
PORTABLE_TYPE = re.compile(
    r"(string|integer|bigint|boolean|date|timestamp|decimal\(\d+, ?\d+\)"
    r"|\{\{ var\('double_type'\) \}\})$"
)
# models without a key test, and why
WITHOUT_KEY: dict[str, str] = {}


def model_names_say_their_layer(project: Project) -> Iterator[Violation]:
    """stg_ or base/base_<system>__<object>, int_<what>, and the published names of the marts."""
    for node in project.models():
        name = node["name"]
        if layer(node) == "staging":
            prefix = "base" if path_parts(node)[3:-1] == ("base",) else "stg"
            fits = re.match(rf"{prefix}_{re.escape(system(node))}__[a-z0-9_]+$", name) is not None
            wanted = f"{prefix}_{system(node) or '<system>'}__<object>, in the folder of its system"
        elif layer(node) == "intermediate":
            fits = re.match(r"int_[a-z0-9_]+$", name) is not None
            wanted = "int_<what>"
        else:
            fits = name in MART_NAMES or MART_NAME.match(name) is not None
            wanted = "fct_, dim_, kpi_, kgi_, funnel_<what>, or a name of MART_NAMES"
        if not fits:
            yield Violation("model_names_say_their_layer", name, f"rename it: {wanted}")


def models_state_their_grain(project: Project) -> Iterator[Violation]:
    """The first comment of the SQL and the YAML description both say "Grain: one row per …"."""
    for node in project.models():
        if not GRAIN.search(first_comment(node["raw_code"])):
            yield Violation(
                "models_state_their_grain",
                node["name"],
                "begin the SQL with a comment {#- Grain: one row per … -#}",
            )
        if not GRAIN.search(node["description"]):
            yield Violation(
                "models_state_their_grain",
                node["name"],
                'write "Grain: one row per …" into its description in the YAML file',
            )


def models_have_a_key_test(project: Project) -> Iterator[Violation]:
    """A `unique`, `unique_combination` or `one_row` test holds the grain.

    A view that one model alone stores is tested there: its own test would compute it again.
    """
    for node in project.models():
        if _is_stored_elsewhere(project, node):
            continue
        tests = {test["test_metadata"]["name"] for test in project.tests_of(node)}
        if not any(KEY_TEST.match(test) for test in tests) and node["name"] not in WITHOUT_KEY:
            yield Violation(
                "models_have_a_key_test",
                node["name"],
                "add a unique or unique_combination test on the columns of its grain",
            )


def _is_stored_elsewhere(project: Project, node: Node) -> bool:
    if node.get("config", {}).get("materialized") != "view":
        return False
    readers = [
        reader for reader in project.models() if node["unique_id"] in reader["depends_on"]["nodes"]
    ]
    return len(readers) == 1 and readers[0]["config"].get("materialized") == "table"


def marts_have_a_contract(project: Project) -> Iterator[Violation]:
    """What BI tools read is promised: an enforced contract, every column typed and described.

    Publishing holds to the columns of the tables that it writes itself.
    """
    rule = "marts_have_a_contract"
    for node in project.models("marts"):
        if not (node["config"].get("contract") or {}).get("enforced"):
            yield Violation(rule, node["name"], "set config.contract.enforced: true")
    written_by_publishing = (
        source for source in project.manifest["sources"].values() if source.get("schema") == "marts"
    )
    for node in (*project.models("marts"), *written_by_publishing):
        name = node["name"]
        if not node["description"].strip():
            yield Violation(rule, name, "describe it in the YAML file")
        if not node["columns"]:
            yield Violation(rule, name, "list its columns in the YAML file")
        for column in node["columns"].values():
            if not (column.get("description") or "").strip():
                yield Violation(rule, name, f"describe column {column['name']}")
            if not column.get("data_type"):
                yield Violation(rule, name, f"give column {column['name']} a data_type")


def contract_types_are_portable(project: Project) -> Iterator[Violation]:
    """The data types that marts promise exist on DuckDB, PostgreSQL and Spark alike."""
    for node in project.models("marts"):
        written = _written_types(project, node)
        for column in node["columns"].values():
            data_type = written.get(column["name"]) or column.get("data_type") or ""
            if data_type and not PORTABLE_TYPE.match(data_type):
                yield Violation(
                    "contract_types_are_portable",
                    node["name"],
                    f"column {column['name']} has data_type {data_type}: use string, integer, "
                    "bigint, boolean, date, timestamp, decimal(p, s) or "
                    "{{ var('double_type') }}",
                )


def _written_types(project: Project, model: Node) -> dict[str, str]:
    """Return the data types of a model's columns as written; the manifest has them rendered."""
    path = (model.get("patch_path") or "").partition("://")[2]
    if not path:
        return {}
    content = read_yaml(project.root / path)
    return {
        column["name"]: column["data_type"]
        for described in content["models"]
        if described["name"] == model["name"]
        for column in described.get("columns") or []
        if column.get("data_type")
    }


def seeds_are_described_and_tested(project: Project) -> Iterator[Violation]:
    """A seed says what it is, describes every column of its file and has a key and column tests."""
    rule = "seeds_are_described_and_tested"
    for node in project.nodes("seed"):
        name = node["name"]
        if not node["description"].strip():
            yield Violation(rule, name, "describe it in the YAML file beside it")
        described = {
            column["name"] for column in node["columns"].values() if column["description"].strip()
        }
        for column in _header(project, node):
            if column not in described:
                yield Violation(rule, name, f"describe column {column}")
        tests = list(project.tests_of(node))
        if not any(KEY_TEST.match(test["test_metadata"]["name"]) for test in tests):
            yield Violation(rule, name, "add a unique or unique_combination test on its key")
        if not any(
            test.get("column_name") or test["test_metadata"]["name"] == "no_nulls" for test in tests
        ):
            yield Violation(rule, name, "test its columns (no_nulls, accepted_values, …)")


def _header(project: Project, seed: Node) -> list[str]:
    """Return the column names of a seed's file."""
    with (project.root / seed["original_file_path"]).open(encoding="utf-8", newline="") as file:
        return next(csv.reader(file), [])


def macro_files_hold_one_documented_macro(project: Project) -> Iterator[Violation]:
    """One macro per file, named as the file and documented in a `_macros.yml`.

    Beside it the file may hold implementations of other engines (`postgres__…`) and helpers
    that nothing outside the file calls.
    """
    rule = "macro_files_hold_one_documented_macro"
    files: dict[str, list[Node]] = defaultdict(list)
    for macro in project.macros():
        if macro["original_file_path"].startswith("macros"):
            files[macro["original_file_path"]].append(macro)
    for path, macros in files.items():
        stem = PurePosixPath(path.replace("\\", "/")).stem
        family = [macro for macro in macros if macro["name"].rpartition("__")[2] == stem]
        if not family:
            yield Violation(rule, path, f"holds no macro {stem}: name the file as its macro")
            continue
        if not any(
            macro["description"].strip() and (macro.get("patch_path") or "").endswith("_macros.yml")
            for macro in family
        ):
            yield Violation(rule, path, f"describe {stem} in the _macros.yml beside it")
        own = {macro["unique_id"] for macro in macros}
        for macro in macros:
            callers = [] if macro in family else _callers(project, macro) - own
            for caller in sorted(callers):
                yield Violation(
                    rule,
                    path,
                    f"{caller.rpartition('.')[2]} calls its helper {macro['name']}: "
                    "give that macro a file of its own",
                )


def _callers(project: Project, macro: Node) -> set[str]:
    """Return the ids of the nodes and macros that call a macro."""
    everything = {**project.manifest["nodes"], **project.manifest["macros"]}
    return {
        unique_id
        for unique_id, caller in everything.items()
        if macro["unique_id"] in caller["depends_on"].get("macros", [])
    }
