"""Write what follows from the registry: the funnel's contract and the lock."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

from kpi_warehouse.errors import UserError

from . import funnel
from .agreement import read_agreement
from .compilation import Manifest, compiled_manifest
from .lock import DEFINITIONS, changes, locked, not_locked, read_lock, write_lock
from .registry import Problem
from .rules import read_files, registry_problems

REGISTRY = Path("seeds", "registry")


def write_definitions(
    root: Path,
    say: Callable[[str], None],
    same_meaning: str | None = None,
    compile_project: Callable[[Path, Path], Manifest] = compiled_manifest,
) -> None:
    """Write the funnel's contract and add to the lock what was agreed since.

    same_meaning: why what changed means the same as before; locks it anew and keeps the reason.
    Raises UserError, after a line for each, if the registry breaks a rule or something that is
    locked has changed its meaning; then the lock stays as it is.
    """
    folder = root / REGISTRY
    if problems := registry_problems(folder):
        for problem in problems:
            say(f"  {problem}")
        raise UserError(f"breaks {len(problems)} rules, listed above", folder, "mend these first")
    files = read_files(folder)
    contract = root / funnel.PATH
    text = funnel.funnel_contract(files.registry)
    if not contract.is_file() or contract.read_text("utf-8") != text:
        contract.write_text(text, "utf-8")
        say(f"wrote {funnel.PATH}")

    agreement = read_agreement(files, compile_project(root, work_folder(root)))
    lock = read_lock(folder)
    found = changes(lock, agreement)
    refused = [item for item in found if not (same_meaning and item.may_mean_the_same)]
    if refused:
        for item in refused:
            say(f"  {item}")
        raise UserError(
            f"{len(refused)} changes of what is locked, listed above",
            folder / DEFINITIONS,
            "do as each line says",
        )
    new = locked(agreement, lock)
    if found:
        entry = {"changed": [item.label for item in found], "reason": same_meaning}
        new = dataclasses.replace(new, same_meaning=[*lock.same_meaning, entry])
        say(f"locked anew, as it means the same: {', '.join(entry['changed'])}")
    for name in not_locked(lock, agreement):
        say(f"locked {name}")
    write_lock(folder, new)
    say(f"{len(agreement.versions)} agreed definitions are locked")


def lock_problems(root: Path, manifest: Manifest) -> list[Problem]:
    """What differs from the lock, given the project's compiled manifest; empty if all is well.

    A registry that cannot be read is none of its problems: a rule of its own says so.
    """
    rule = "definitions_are_locked"
    files = read_files(root / REGISTRY)
    if files.problems:
        return []
    agreement = read_agreement(files, manifest)
    try:
        lock = read_lock(root / REGISTRY)
    except UserError as error:
        return [Problem(rule, DEFINITIONS, f"{error.what}: {error.mend}")]
    found = [Problem(rule, item.where, item.message) for item in changes(lock, agreement)]
    for name in not_locked(lock, agreement):
        found.append(Problem(rule, name, "is agreed and not locked yet: run `make definitions`"))
    return found


def funnel_problems(root: Path) -> list[Problem]:
    """Whether the funnel's contract is what the registry says."""
    files = read_files(root / REGISTRY)
    contract = root / funnel.PATH
    if files.problems:
        return []
    if contract.is_file() and contract.read_text("utf-8") == funnel.funnel_contract(files.registry):
        return []
    message = "is not what the registry says: run `make definitions`"
    return [Problem("funnel_follows_the_registry", funnel.PATH, message)]


def work_folder(root: Path) -> Path:
    """Where dbt's own files go when the project is compiled for its lock."""
    return root / "target" / "definitions"
