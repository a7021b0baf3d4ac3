"""The folder of published versions: which one is current, how it changes, how it goes back.

    versions/<UTC time>/   one publication each, whole or not there at all
    current                a relative link to one of them

A version is written under a name that cannot be taken for one, and gets its name when all of it is
on disk. It is new until `current` has named it; what was killed before that is taken away by the
next build. Every step is one rename, so a process may be killed between any two of them.
"""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path

from kpi_warehouse.errors import UserError
from kpi_warehouse.locking import exclusive

CURRENT = "current"
VERSIONS = "versions"
DATABASE = "kpi_warehouse.duckdb"
PARQUET = "parquet"
REGISTRY = "registry"
PUBLICATION = "publication.json"
AGREEMENT = "agreement.json"
_NAME = re.compile(r"(\d{8}T\d{6}Z)(?:-(\d+))?$")
_TIME = "%Y%m%dT%H%M%SZ"
# no version begins with a dot
_WRITING, _REMOVING, _NEXT = ".writing", ".removing-", ".current.next"
# in a version that no reader has been shown yet
_NEW = ".new"


@dataclass(frozen=True)
class Version:
    """One publication that is whole."""

    folder: Path

    @property
    def name(self) -> str:
        """The UTC time of its publication, with a counter if there were several in a second."""
        return self.folder.name

    @property
    def order(self) -> tuple[str, int]:
        """What sorts versions by their age."""
        return _order(self.name)

    @property
    def database(self) -> Path:
        """The DuckDB file with the marts."""
        return self.folder / DATABASE

    @cached_property
    def publication(self) -> dict:
        """What publication.json says. Raises UserError if it cannot be read."""
        return _read_json(self.folder / PUBLICATION)

    @cached_property
    def agreement(self) -> dict:
        """What was agreed when it was made. Raises UserError if it cannot be read."""
        return _read_json(self.folder / AGREEMENT)


@dataclass(frozen=True)
class Store:
    """The versions below one folder."""

    folder: Path

    @property
    def current(self) -> Version | None:
        """The version that readers are to read; None if there is none."""
        link = self.folder / CURRENT
        try:
            name = link.readlink().name
        except OSError:
            return None
        found = Version(self.folder / VERSIONS / name)
        return found if _NAME.match(name) and found.database.is_file() else None

    @property
    def versions(self) -> list[Version]:
        """All that were ever current and are still there, the oldest first."""
        current = self.current
        found = [
            each
            for each in self._folders()
            if not (each.folder / _NEW).exists() or (current and each.name == current.name)
        ]
        return sorted(found, key=lambda each: each.order)

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Keep other builds and rollbacks out, and clear away what a killed one has left.

        Raises UserError if there is another one.
        """
        (self.folder / VERSIONS).mkdir(parents=True, exist_ok=True)
        with exclusive(self.folder / ".lock", self.folder):
            self._clear()
            yield

    @contextmanager
    def draft(self) -> Iterator[Path]:
        """An empty folder to write a version into; it is gone at the end, unless made a version."""
        folder = self.folder / VERSIONS / _WRITING
        _remove(folder)
        folder.mkdir()
        try:
            yield folder
        finally:
            _remove(folder)

    def next_name(self, now: datetime) -> str:
        """The name of a version made now: after all that are there, whatever the clock says."""
        time = now.astimezone(UTC).strftime(_TIME)
        newest = max((each.order for each in self._folders()), default=("", 0))
        if time > newest[0]:
            return time
        return f"{newest[0]}-{newest[1] + 1}"

    def keep(self, draft: Path, name: str) -> Version:
        """Make a version of a draft, safely on disk; readers do not see it yet."""
        (draft / _NEW).touch()
        _sync_tree(draft)
        version = Version(draft.with_name(name))
        draft.rename(version.folder)
        _sync(version.folder.parent)
        return version

    def make_current(self, version: Version) -> None:
        """Let readers that open from now on see this version, all at once."""
        following = self.folder / _NEXT
        following.unlink(missing_ok=True)
        following.symlink_to(Path(VERSIONS, version.name))
        os.replace(following, self.folder / CURRENT)
        _sync(self.folder)
        (version.folder / _NEW).unlink(missing_ok=True)

    def discard(self, version: Version) -> None:
        """Take away a version that is not current, all at once for those who look."""
        hidden = version.folder.with_name(f"{_REMOVING}{version.name}")
        _remove(hidden)
        version.folder.rename(hidden)
        _remove(hidden)

    def prune(self, keep: int) -> list[str]:
        """Take away all but the newest `keep` versions and the current one; returns their names."""
        current = self.current
        versions = self.versions
        removed = [
            each
            for each in versions[: max(0, len(versions) - keep)]
            if current is None or each.name != current.name
        ]
        for each in removed:
            self.discard(each)
        return [each.name for each in removed]

    def roll_back(self, name: str | None = None) -> tuple[Version | None, Version]:
        """Make the version before the current one, or the named one, current.

        Newer versions stay. Returns the version that was current and the one that is. Raises
        UserError if there is no such version.
        """
        before = self.current
        versions = {each.name: each for each in self.versions}
        if name is None:
            older = [each for each in versions.values() if before and each.order < before.order]
            # without a current one, the newest mends it
            candidates = older if before else list(versions.values())
            if not candidates:
                raise UserError("there is no earlier version", self.folder, "see make publications")
            wanted = candidates[-1]
        elif name in versions:
            wanted = versions[name]
        else:
            raise UserError(
                "no such version", f"VERSION {name!r}", "make publications lists those there are"
            )
        self.make_current(wanted)
        return before, wanted

    def _folders(self) -> Iterator[Version]:
        folder = self.folder / VERSIONS
        if not folder.is_dir():
            return
        for path in folder.iterdir():
            if _NAME.match(path.name) and path.is_dir():
                yield Version(path)

    def _clear(self) -> None:
        current = self.current
        (self.folder / _NEXT).unlink(missing_ok=True)
        for path in (self.folder / VERSIONS).iterdir():
            if path.name == _WRITING or path.name.startswith(_REMOVING):
                _remove(path)
        for each in list(self._folders()):
            if not (each.folder / _NEW).exists():
                continue
            if current and each.name == current.name:
                (each.folder / _NEW).unlink()
            else:
                self.discard(each)


def _order(name: str) -> tuple[str, int]:
    match = _NAME.match(name)
    if match is None:
        raise ValueError(name)
    return match[1], int(match[2] or 1)


def _read_json(path: Path) -> dict:
    try:
        content = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise UserError("cannot be read", path, "run make build") from error
    if not isinstance(content, dict):
        raise UserError("is no publication of this project", path, "run make build")
    return content


def _remove(folder: Path) -> None:
    if folder.is_dir():
        shutil.rmtree(folder)


def _sync_tree(folder: Path) -> None:
    for root, _, files in os.walk(folder):
        for name in files:
            _sync(Path(root, name))
        _sync(Path(root))


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
