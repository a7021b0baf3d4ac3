"""Source systems: each in a folder of its own, united in one place and named nowhere else."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from kpi_warehouse.yaml_file import read_yaml

from .project import Node, Project, Violation, layer, path_parts, system
from .sql_text import without_comments

# folder of the models that unite the systems, and how these are called
UNIONS = ("models", "intermediate", "unioned")
UNION = "int_unioned_"
# what a system says about its own rows; a system that feeds nothing else is a layout apart, whose
# staging models intermediate reads as they are
ACCOUNT = ("row_findings", "row_account", "unmapped_codes")
# every system gives an account of its rows
MANDATORY = ("row_findings", "row_account")


def only_unions_name_systems(project: Project) -> Iterator[Violation]:
    """A model of a system that feeds a common object is read by the union of that object alone."""
    united = _united_systems(project)
    for node in project.models("intermediate", "marts"):
        for parent in project.parents(node):
            if parent["resource_type"] != "model" or layer(parent) != "staging":
                continue
            fed = parent["name"].removeprefix(f"stg_{system(parent)}__")
            if system(parent) in united and node["name"] != f"{UNION}{fed}":
                yield Violation(
                    "only_unions_name_systems",
                    node["name"],
                    f"reads {parent['name']}: read {UNION}<object>, which holds the rows of every "
                    "system",
                )


def systems_are_named_in_their_folder(project: Project) -> Iterator[Violation]:
    """No model, macro or test outside the folder of a system compares with its name or reads it."""
    names = "|".join(map(re.escape, sorted(_united_systems(project))))
    if not names:
        return
    named = re.compile(rf"['\"](?:{names})['\"]|\b(?:stg|base)_(?:{names})__")
    for node in (*project.models(), *_singular_tests(project), *project.macros()):
        if layer(node) == "staging":
            continue
        text = without_comments(node.get("raw_code") or node.get("macro_sql") or "")
        for name in sorted(set(named.findall(text))):
            yield Violation(
                "systems_are_named_in_their_folder",
                node["name"],
                f"names the system {name}: what only one system does belongs to "
                "models/staging/<system>",
            )


def systems_agree_with_staging(project: Project) -> Iterator[Violation]:
    """Var source_systems names the common objects that each system feeds, as staging has them."""
    rule = "systems_agree_with_staging"
    systems = source_systems(project)
    unions = {
        node["name"].removeprefix(UNION): node
        for node in project.models("intermediate")
        if path_parts(node)[: len(UNIONS)] == UNIONS
    }
    models = {node["name"] for node in project.models("staging")}
    layouts = {
        source["source_name"]
        for source in project.manifest["sources"].values()
        if _is_extract(source)
    }
    for name in sorted(layouts - set(systems)):
        yield Violation(
            rule, name, "is declared as a source and feeds nothing: add its line to source_systems"
        )
    for name, objects in systems.items():
        for item in sorted(set(MANDATORY) - set(objects)):
            yield Violation(rule, name, f"gives no account of its rows: feed {item}")
        for item in objects:
            model = f"stg_{name}__{item}"
            if item not in unions:
                yield Violation(
                    rule, name, f"feeds {item}, which is no common object: see {'/'.join(UNIONS)}"
                )
            elif model not in models:
                yield Violation(
                    rule, name, f"feeds {item} without a model {model}: add it, or take it out"
                )
        for item in sorted(set(unions) - set(objects)):
            if f"stg_{name}__{item}" in models:
                yield Violation(
                    rule, name, f"has a model stg_{name}__{item}: add {item} to source_systems"
                )


def systems_account_for_their_rows(project: Project) -> Iterator[Violation]:
    """What a system has landed, object by object, is in the account that it gives of its rows."""
    rule = "systems_account_for_their_rows"
    for name in source_systems(project):
        tables = {
            unique_id: source
            for unique_id, source in project.manifest["sources"].items()
            if source["source_name"] == name
        }
        for item in MANDATORY:
            above = _above(project, f"stg_{name}__{item}")
            for unique_id, source in tables.items():
                if above and unique_id not in above:
                    yield Violation(
                        rule,
                        f"stg_{name}__{item}",
                        f"says nothing about the rows of {name}/{source['name']}: read its model",
                    )


def unions_take_accepted_rows(project: Project) -> Iterator[Violation]:
    """Of a model that holds every landed row, the union of its object takes the accepted ones."""
    for node in project.models("intermediate"):
        if path_parts(node)[: len(UNIONS)] != UNIONS:
            continue
        text = " ".join((node.get("compiled_code") or "").split())
        for parent in project.parents(node):
            if "row_status" not in parent.get("columns", {}):
                continue
            if f"from {parent['relation_name']} where is_accepted" not in text:
                yield Violation(
                    "unions_take_accepted_rows",
                    node["name"],
                    f"takes the rejected rows of {parent['name']} as well: filter is_accepted",
                )


def source_systems(project: Project) -> dict[str, list[str]]:
    """Return the common objects that each system feeds, as var source_systems says."""
    path = project.root / "dbt_project.yml"
    content: dict[str, Any] = read_yaml(path) if path.is_file() else {}
    return (content.get("vars") or {}).get("source_systems") or {}


def _united_systems(project: Project) -> set[str]:
    """The systems that feed more than the account of their own rows."""
    return {
        name for name, objects in source_systems(project).items() if set(objects) - set(ACCOUNT)
    }


def _is_extract(source: Node) -> bool:
    """Whether a source is an object of the extracts; landing's own tables have no key."""
    return "key" in ((source.get("config") or {}).get("meta") or source.get("meta") or {})


def _singular_tests(project: Project) -> Iterator[Node]:
    for node in project.nodes("test"):
        if not node.get("test_metadata"):
            yield node


def _above(project: Project, name: str) -> set[str]:
    """The ids of all models and sources that a model reads, directly or not."""
    waiting = [node["unique_id"] for node in project.models("staging") if node["name"] == name]
    found: set[str] = set()
    while waiting:
        unique_id = waiting.pop()
        if unique_id not in found:
            found.add(unique_id)
            node = project.manifest["nodes"].get(unique_id)
            waiting += node["depends_on"].get("nodes", []) if node else []
    return found
