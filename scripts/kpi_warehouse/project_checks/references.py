"""Which way references run: staging, intermediate, marts, and nothing upward or sideways."""

from __future__ import annotations

import re
from collections.abc import Iterator

from .project import Project, Violation, layer, path_parts, system
from .sql_text import without_comments
from .systems import UNIONS

# layer of a model -> layers of models it may read
READS = {
    "staging": {"staging"},
    "intermediate": {"staging", "intermediate"},
    "marts": {"intermediate", "marts"},
}
# layer of a model -> folders of seeds it may read
READS_SEEDS = {
    "staging": {"registry", "mappings", "calendar"},
    "intermediate": {"registry", "mappings", "calendar"},
    "marts": {"registry", "mappings"},
}
STAGING_REFERENCE = re.compile(
    r"ref\(\s*['\"](?P<model>stg_\w+)['\"]\s*\)(?:\s*-?\}\}\s*as\s+(?P<alias>\w+))?"
)
# the system whose models are landing's own account
LANDING = "landing"
# models that read rejected or superseded rows as well, and why
READS_REJECTED_ROWS: dict[str, str] = {}


def references_run_downstream(project: Project) -> Iterator[Violation]:
    """Models read only their own layer or the one before; staging only itself."""
    for node in project.models():
        if layer(node) not in READS:
            yield Violation(
                "references_run_downstream",
                node["name"],
                f"lies in no known layer: move it below models/ into {', '.join(READS)}",
            )
            continue
        for parent in project.parents(node):
            if parent["resource_type"] == "seed":
                allowed = layer(parent) in READS_SEEDS[layer(node)]
            else:
                allowed = layer(parent) in READS[layer(node)]
            if not allowed:
                yield Violation(
                    "references_run_downstream",
                    node["name"],
                    f"{layer(node)} may not read {parent['name']} of {layer(parent)}: read a "
                    "model of the layer before, or move the step to the layer it belongs to",
                )


def staging_systems_stay_apart(project: Project) -> Iterator[Violation]:
    """A staging model reads no other system: neither its models nor its sources."""
    for node in project.models("staging"):
        others = {
            system(parent)
            for parent in project.parents(node)
            if layer(parent) == "staging" and parent["resource_type"] == "model"
        } | project.source_systems(node)
        for other in sorted(others - {system(node)}):
            yield Violation(
                "staging_systems_stay_apart",
                node["name"],
                f"is in the folder of {system(node) or 'no system'} and reads {other}: "
                "unite systems in intermediate",
            )


def only_staging_reads_sources(project: Project) -> Iterator[Violation]:
    """source() is called by staging models only."""
    for node in project.models():
        if layer(node) == "staging":
            continue
        for name in sorted(project.source_systems(node)):
            yield Violation(
                "only_staging_reads_sources",
                node["name"],
                f"reads source {name}: add a staging model for it and read that",
            )


def only_accepted_rows_are_read(project: Project) -> Iterator[Violation]:
    """Who reads a staging model takes its accepted rows.

    Staging holds every landed row with its fate, so each query that names a staging model
    filters `where is_accepted`, by the model's alias if it has one. What landing says about
    files and rows is no row of an extract.
    """
    for node in project.models("intermediate", "marts"):
        # a union puts the names of the models together; see unions_take_accepted_rows
        if node["name"] in READS_REJECTED_ROWS or path_parts(node)[:3] == UNIONS:
            continue
        text = without_comments(node["raw_code"])
        named = set()
        unfiltered = set()
        for reference in STAGING_REFERENCE.finditer(text):
            if reference["model"].startswith(f"stg_{LANDING}__"):
                continue
            named.add(reference["model"])
            alias = rf"(?:{reference['alias']}\.)?" if reference["alias"] else ""
            if not re.search(
                rf"\b(?:where|on|and)\s+{alias}is_accepted\b", _rest_of_query(text, reference.end())
            ):
                unfiltered.add(reference["model"])
        read = {
            parent["name"]
            for parent in project.parents(node)
            if parent["resource_type"] == "model"
            and layer(parent) == "staging"
            and system(parent) != LANDING
        }
        # a model read under a name that is put together at run time cannot be followed
        for name in sorted(unfiltered | (read - named)):
            yield Violation(
                "only_accepted_rows_are_read",
                node["name"],
                f"reads {name} with its rejected rows: add `where is_accepted`, "
                "or name the model and the reason in READS_REJECTED_ROWS",
            )


def _rest_of_query(text: str, start: int) -> str:
    """Return what follows up to the end of the query: its closing parenthesis or a union."""
    depth = 0
    for match in re.finditer(r"[()]|\bunion\b", text[start:]):
        if match.group() == "(":
            depth += 1
        elif match.group() == ")":
            depth -= 1
        if depth < 0 or (depth == 0 and match.group() == "union"):
            return text[start : start + match.start()]
    return text[start:]
