"""Who reads the published tables: each consumer says so, and its code reads what it says."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from .code_reads import SCHEMAS, named_in, python_files, reads_of
from .project import Node, Project, Violation, layer, path_parts

CODE = Path("scripts", "kpi_warehouse")
FOLDER = "models/exposures"
# what an exposure reads if it is no code of the project: every published table
PUBLISHED = "published"
# parts of the package that name tables and are no consumers, and why
NO_CONSUMERS = {
    "bench": "measures the build",
    "definitions": "states which tables an agreement is about",
    "fuzz": "tests the build",
    "mapping_proposals": "reads the warehouse, beside what is published",
    "mutation": "tests the models",
    "project_checks": "the rules themselves",
    "published.py": "how all consumers open what is published",
    "publishing": "writes what is published",
    "quality": "tests what is published",
    "torture": "tests publishing",
    "truth": "computes the KPIs a second time",
}


def exposures_say_who_reads_what(project: Project) -> Iterator[Violation]:
    """A consumer has a file of its own, names in both languages, an owner and a command."""
    rule = "exposures_say_who_reads_what"
    departments = project.registry.registry.departments
    targets = _targets(project)
    for exposure in _exposures(project):
        name, meta = exposure["name"], _meta(exposure)
        if exposure["original_file_path"].replace("\\", "/") != f"{FOLDER}/{name}.yml":
            yield Violation(rule, name, f"give it the file {FOLDER}/{name}.yml, alone")
        if not re.fullmatch(r"\S.* / \S.*", exposure.get("label") or ""):
            yield Violation(rule, name, 'give it a label "日本語 / English"')
        if len((exposure.get("description") or "").strip().splitlines()) != 2:
            yield Violation(rule, name, "describe it in two lines, Japanese and English")
        if not exposure.get("maturity"):
            yield Violation(rule, name, "give it a maturity")
        if (exposure.get("owner") or {}).get("name") not in departments:
            yield Violation(rule, name, "name a department_id of kpi_departments as owner")
        target = str(meta.get("command") or "").removeprefix("make ")
        if target not in targets:
            yield Violation(
                rule, name, "name the target of the Makefile that makes it, as meta.command"
            )


def exposures_read_what_they_name(project: Project) -> Iterator[Violation]:
    """depends_on of an exposure and the tables that its code names are the same, both ways.

    What it imports of other parts of the package counts as its own code.
    An exposure with meta.reads: published names every published table.
    """
    rule = "exposures_read_what_they_name"
    known = _tables(project)
    for exposure in _exposures(project):
        name, meta = exposure["name"], _meta(exposure)
        named = set(exposure["depends_on"]["nodes"])
        if meta.get("reads") == PUBLISHED:
            read = {key for relation, key in known.items() if relation.startswith("marts.")}
        else:
            paths = [project.root / path for path in meta.get("code") or []]
            missing = [path for path in paths if not path.exists()]
            for path in missing:
                shown = path.relative_to(project.root).as_posix()
                yield Violation(rule, name, f"names {shown} in meta.code, which does not exist")
            if not paths:
                yield Violation(rule, name, "name its files or folders in meta.code")
            if missing or not paths:
                continue
            found = reads_of(paths, project.root / CODE.parent)
            for file in sorted(found.unfinished):
                shown = file.relative_to(project.root).as_posix()
                yield Violation(
                    rule, name, f"{shown} puts the name of a table together: write it in full"
                )
            for relation, file in sorted(found.relations.items()):
                if relation not in known:
                    shown = file.relative_to(project.root).as_posix()
                    yield Violation(rule, name, f"{shown} reads {relation}, which is no table")
            read = {known[relation] for relation in found.relations if relation in known}
        for key in sorted(read - named):
            yield Violation(rule, name, f"reads {_short(key)}: add it to depends_on")
        for key in sorted(named - read):
            yield Violation(rule, name, f"does not read {_short(key)}: take it out of depends_on")


def consumers_have_an_exposure(project: Project) -> Iterator[Violation]:
    """Code that names published tables belongs to an exposure, or is known not to be a consumer."""
    rule = "consumers_have_an_exposure"
    claimed = [
        project.root / path
        for exposure in _exposures(project)
        for path in _meta(exposure).get("code") or []
    ]
    folder = project.root / CODE
    entries = {path.name: path for path in sorted(folder.glob("*"))} if folder.is_dir() else {}
    for name, entry in entries.items():
        if name in NO_CONSUMERS:
            continue
        for file in python_files([entry]):
            if any(file.is_relative_to(path) for path in claimed):
                continue
            if found := sorted(named_in(file)):
                yield Violation(
                    rule,
                    file.relative_to(project.root).as_posix(),
                    f"reads {found[0]} for nobody: name it in meta.code of an exposure, "
                    "or its package in NO_CONSUMERS",
                )


def _exposures(project: Project) -> list[Node]:
    exposures = project.manifest.get("exposures", {}).values()
    return sorted(exposures, key=lambda exposure: exposure["name"])


def _meta(exposure: Node) -> dict[str, object]:
    return (exposure.get("config") or {}).get("meta") or {}


def _targets(project: Project) -> set[str]:
    """The targets of the Makefile."""
    makefile = project.root / "Makefile"
    text = makefile.read_text("utf-8") if makefile.is_file() else ""
    return set(re.findall(r"^([a-z][a-z-]*):", text, re.MULTILINE))


def _tables(project: Project) -> dict[str, str]:
    """Schema and name of each table that can be read -> its id in the manifest."""
    tables = {}
    for node in project.nodes("model", "seed"):
        schema = "seeds" if node["resource_type"] == "seed" else layer(node)
        # proposals stand in a schema of their own
        if schema in SCHEMAS and "drafts" not in path_parts(node):
            tables[f"{schema}.{node['name']}"] = node["unique_id"]
    for unique_id, source in project.manifest["sources"].items():
        if source.get("schema") == "marts":
            tables[f"marts.{source['name']}"] = unique_id
    return tables


def _short(unique_id: str) -> str:
    return unique_id.rpartition(".")[2]
