"""What `make publications` and `make rollback` do."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

from kpi_warehouse.console import MISSING, table
from kpi_warehouse.errors import UserError
from kpi_warehouse.publishing.postgres import copy_to_postgres
from kpi_warehouse.publishing.store import CURRENT, DATABASE, Store, Version
from kpi_warehouse.settings import Settings

Say = Callable[[str], None]


def list_publications(settings: Settings, say: Say) -> None:
    """Print the versions that are there, the newest first. Raises UserError if there is none."""
    store = Store(settings.publish_dir)
    versions = store.versions
    if not versions:
        raise UserError("nothing is published yet", store.folder, "run make build")
    current = store.current
    header = [
        ["", "版", "公開", "基準日", "変更された過去の値", "コミット"],
        ["", "Version", "Published (UTC)", "As of", "Restated", "Commit"],
    ]
    body = [
        ["→" if current and each.name == current.name else "", each.name, *_told(each)]
        for each in reversed(versions)
    ]
    for line in table(header, body, text_columns=6):
        say(line)
    if current is None:
        say(f"{CURRENT} names no version: make rollback makes the newest one current")


def roll_back(settings: Settings, name: str | None, say: Say) -> Version:
    """Make the version before the current one, or the named one, current, and say so.

    A copy in PostgreSQL goes back with it. Raises UserError if there is no such version, a build is
    being published, or the copy cannot be made; in that case the version is current all the same.
    """
    store = Store(settings.publish_dir)
    if not store.folder.is_dir():
        raise UserError("nothing is published yet", store.folder, "run make build")
    with store.writing():
        before, now = store.roll_back(name.strip() or None if name else None)
        if settings.publish_postgres:
            copy_to_postgres(now, settings.publish_postgres, settings.publish_postgres_role)
    if before and before.name == now.name:
        say(f"公開中 Current: {now.name}, as it was")
    else:
        say(f"公開中 Current: {now.name} (before: {before.name if before else MISSING})")
    say(f"  DuckDB   {store.folder / CURRENT / DATABASE}")
    newer = [each.name for each in store.versions if each.order > now.order]
    if newer:
        say(f"  newer versions stay: {', '.join(newer)}; make rollback VERSION={newer[-1]} goes on")
    return now


def _told(version: Version) -> list[str]:
    """What publication.json says of a version, in cells; dashes if it cannot be read."""
    with suppress(UserError, KeyError, AttributeError):
        known = version.publication
        return [
            known["published_at"][:16].replace("T", " "),
            known["as_of_date"],
            f"{sum(known['restated_values'].values()):,}",
            known["git_commit"] or MISSING,
        ]
    return [MISSING] * 4
