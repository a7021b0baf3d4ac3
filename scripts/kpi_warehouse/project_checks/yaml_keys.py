"""Unknown keys in dbt's YAML files, which pass silently: a typing error would go unseen."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from kpi_warehouse.yaml_file import read_yaml

from .project import Project, Violation

RULE = "yaml_keys_are_known"
FOLDERS = ("models", "seeds", "macros", "tests/generic", "tests/singular")


def _keys(names: str) -> set[str]:
    return set(names.split())


# dbt checks the keys of semantic models, metrics and saved queries itself
FILE = _keys(
    "version models seeds sources macros data_tests unit_tests exposures groups"
    " semantic_models metrics saved_queries"
)
TEST_CONFIG = _keys(
    "enabled error_if fail_calc limit meta severity store_failures tags warn_if where"
)
# kind of thing -> its keys
KEYS = {
    "models": _keys(
        "name description config columns constraints data_tests latest_version time_spine versions"
    ),
    "seeds": _keys("name description config columns data_tests"),
    "sources": _keys("name description schema database config tables loader"),
    "tables": _keys("name description identifier config columns data_tests"),
    "columns": _keys("name description data_type config constraints data_tests granularity"),
    "macros": _keys("name description arguments config"),
    "arguments": _keys("name type description"),
    "data_tests": _keys("name description config"),
    "unit_tests": _keys("name description model given expect overrides config"),
    "given": _keys("input rows format fixture"),
    "expect": _keys("rows format fixture"),
    "overrides": _keys("vars macros env_vars"),
    "exposures": _keys("name label type url description depends_on owner maturity config"),
    "groups": _keys("name owner description config"),
    "constraints": _keys("type expression name columns to to_columns warn_unsupported"),
    "versions": _keys("v defined_in description config columns deprecation_date"),
}
MODEL_CONFIG = _keys(
    "access alias batch_size begin contract docs enabled event_time file_format grants group"
    " incremental_strategy indexes lookback materialized meta on_schema_change partition_by"
    " persist_docs schema tags unique_key"
)
# kind of thing -> the keys of its config
CONFIG = {
    "models": MODEL_CONFIG,
    "versions": MODEL_CONFIG,
    "seeds": _keys("alias column_types docs enabled file_format meta quote_columns schema tags"),
    "sources": _keys("enabled event_time freshness loaded_at_field meta tags"),
    "tables": _keys("enabled event_time freshness loaded_at_field meta tags"),
    "columns": _keys("meta tags"),
    "macros": _keys("docs meta"),
    "data_tests": TEST_CONFIG,
    "unit_tests": _keys("enabled meta tags"),
    "exposures": _keys("enabled meta tags"),
    "groups": _keys("meta"),
}
# kinds that stand at the top of a file
TOP = ("models", "seeds", "sources", "macros", "data_tests", "unit_tests", "exposures", "groups")
# keys whose value is again a thing or a list of things of that kind
NESTED = _keys("columns tables arguments given expect overrides constraints versions")
# the keys of a generic test on a model or a column, besides its name
GENERIC_TEST = _keys("arguments config description name")


def yaml_keys_are_known(project: Project) -> Iterator[Violation]:
    """Every key of every YAML file beside models, seeds, macros and tests is one dbt reads."""
    for folder in FOLDERS:
        for path in sorted((project.root / folder).glob("**/*.y*ml")):
            yield from _file(path, path.relative_to(project.root).as_posix())


def _file(path: Path, shown: str) -> Iterator[Violation]:
    content = read_yaml(path)
    if not isinstance(content, dict):
        yield Violation(RULE, shown, "is no dbt YAML file: it has no keys")
        return
    yield from _unknown(shown, "the file", set(content) - FILE, FILE)
    for kind in TOP:
        for thing in content.get(kind) or []:
            yield from _thing(shown, kind, thing, "")


def _thing(path: str, kind: str, thing: dict[str, Any], where: str) -> Iterator[Violation]:
    """Yield the unknown keys of one thing, of its config and of everything inside it."""
    label = thing.get("name") or thing.get("input") or kind
    where = f"{where}.{label}" if where else str(label)
    yield from _unknown(path, where, set(thing) - KEYS[kind], KEYS[kind])
    if kind in CONFIG:
        config = thing.get("config") or {}
        known = CONFIG[kind]
        yield from _unknown(path, f"{where}.config", set(config) - known, known)
    for key in sorted(NESTED & set(thing) & KEYS[kind]):
        inner = thing[key]
        # the columns of a constraint are names
        for item in inner if isinstance(inner, list) else [inner]:
            if isinstance(item, dict):
                yield from _thing(path, key, item, where)
    for test in thing.get("data_tests") or []:
        yield from _generic_test(path, test, where)


def _generic_test(path: str, test: str | dict[str, Any], where: str) -> Iterator[Violation]:
    """Yield the unknown keys of a test attached to a model or a column."""
    if isinstance(test, str):
        return
    if "test_name" in test:
        name, body = test["test_name"], {k: v for k, v in test.items() if k != "test_name"}
    else:
        # {name: {arguments: …, config: …}}, or the body beside an empty name
        name = next(iter(test))
        body = {**(test[name] or {}), **{k: v for k, v in test.items() if k != name}}
    where = f"{where}.{name}"
    yield from _unknown(path, where, set(body) - GENERIC_TEST, GENERIC_TEST)
    config = body.get("config") or {}
    yield from _unknown(path, f"{where}.config", set(config) - TEST_CONFIG, TEST_CONFIG)


def _unknown(path: str, where: str, keys: set[str], known: set[str]) -> Iterator[Violation]:
    for key in sorted(keys):
        yield Violation(
            RULE,
            path,
            f"{where} has the unknown key {key}: known are {', '.join(sorted(known)) or 'none'}",
        )
