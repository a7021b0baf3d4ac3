"""Publishing: the marts of a finished build become a version, and `current` names it at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import duckdb

from kpi_warehouse.errors import UserError
from kpi_warehouse.publishing.store import Store, Version
from kpi_warehouse.publishing.write import Build, utc_now, write_version

__all__ = ["Build", "Published", "Store", "Version", "publishing"]


@dataclass(frozen=True)
class Published:
    """A version that is written and, once `show` was called, the one that readers see.

    Attributes:
        removed: names of older versions that were taken away.
    """

    version: Version
    publication: dict[str, Any]
    removed: list[str]


@contextmanager
def publishing(
    store: Store, build: Build, keep: int, now: datetime | None = None
) -> Iterator[Callable[[], Published]]:
    """Write a version of a build; the block decides with the function it gets that it is shown.

    Until that call nobody sees it, and without it it is gone at the end. The store has to be held
    (`Store.writing`). Raises UserError if it cannot be written.
    """
    before = _readable(store.current)
    moment = now or utc_now()
    name = store.next_name(moment)
    with store.draft() as draft:
        publication = write_version(draft, build, name, moment, before)
        # all of it is on disk before anything that readers see is touched
        version = store.keep(draft, name)
    try:

        def show() -> Published:
            store.make_current(version)
            return Published(version, publication, store.prune(keep))

        yield show
    finally:
        current = store.current
        if version.folder.exists() and (current is None or current.name != name):
            store.discard(version)


def _readable(version: Version | None) -> Version | None:
    """The version, unless somebody has damaged it: then the next one is compared with nothing."""
    if version is None:
        return None
    try:
        known = version.publication
        date.fromisoformat(known["as_of_date"])
        datetime.fromisoformat(known["published_at"])
        dict(known["months_first_published"])
        if not {"kpis", "policies", "mappings", "sql"} <= version.agreement.keys():
            return None
        duckdb.connect(str(version.database), read_only=True).close()
    except (UserError, KeyError, TypeError, ValueError, duckdb.Error):
        return None
    return version
