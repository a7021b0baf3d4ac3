"""Who reads the published tables: each consumer says so, and its code reads what it says."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from .project import Node, Project, Violation, layer, path_parts

CODE = Path("scripts", "kpi_warehouse")
FOLDER = "models/exposures"
# what an exposure reads if it is no code of the project: every published table
PUBLISHED = "published"
# schema of the warehouse -> kinds of nodes that stand in it
SCHEMAS = {
    "marts": ("model", "source"),
    "seeds": ("seed",),
    "staging": ("model",),
}
RELATION = re.compile(rf"\b({'|'.join(SCHEMAS)})\.(\w+)")
# a name that is put together at run time cannot be followed
UNFINISHED = re.compile(rf"\b({'|'.join(SCHEMAS)})\.\"?$")
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
            relations: set[str] = set()
            for file in _python_files(paths):
                found, unfinished = _relations(file)
                relations |= found
                shown = file.relative_to(project.root).as_posix()
                if unfinished:
                    yield Violation(
                        rule, name, f"{shown} puts the name of a table together: write it in full"
                    )
                for relation in sorted(found - set(known)):
                    yield Violation(rule, name, f"{shown} reads {relation}, which is no table")
            read = {known[relation] for relation in relations & set(known)}
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
        for file in _python_files([entry]):
            if any(file.is_relative_to(path) for path in claimed):
                continue
            if found := sorted(_relations(file)[0]):
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


def _python_files(paths: list[Path]) -> list[Path]:
    """The Python files of files and folders, each once."""
    files = {
        file
        for path in paths
        for file in ([path] if path.is_file() else path.rglob("*.py"))
        if file.suffix == ".py"
    }
    return sorted(files)


def _relations(file: Path) -> tuple[set[str], bool]:
    """The tables that the texts of a file name, and whether one is put together at run time.

    Comments and docstrings are no texts.
    """
    tree = ast.parse(file.read_text("utf-8"))
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    passive = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, documented) and node.body and isinstance(node.body[0], ast.Expr)
    }
    texts = [
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
        if id(node) not in passive
    ]
    found = {".".join(match) for text in texts for match in RELATION.findall(text)}
    return found, any(UNFINISHED.search(text) for text in texts)
