"""Where a build reads and writes, from the environment.

    EXTRACTS_DIR         raw files; default data/extracts, where a sample is made if it is empty
    DATA_DIR             everything generated; default data
    WAREHOUSE_PATH       the whole warehouse, one DuckDB file; default $DATA_DIR/warehouse.duckdb
    PUBLISH_DIR          the published marts, a folder per version; default $DATA_DIR/published, or
                         <name>.published beside a WAREHOUSE_PATH of its own
    PUBLISH_KEEP         versions that are kept, 1 to 1000; default 5
    PUBLISH_POSTGRES     where PostgreSQL gets a copy of the marts, as libpq writes it, without a
                         password (PGPASSWORD or ~/.pgpass has that); default none
    PUBLISH_POSTGRES_ROLE  role that may read that copy; default none
    AS_OF_DATE           last day that is in, YYYY-MM-DD; default the sample's, else today
    STRICT               1: codes without a mapping and targets that contradict each other fail the
                         build; default 0, they are a warning
    RESTATE_HISTORY      1: count all of history by what is agreed on the as-of date; default 0,
                         each event by what was agreed on its day
    DUCKDB_MEMORY_LIMIT  memory DuckDB may use before it spills to disk; default 4GB
    NEW_TEAM_MONTHS      months up to which a team is new in the monthly review, 0 to 60; default 6

An empty variable counts as unset. A relative path counts from the current directory, a default
from the project's. The memory limit and DBT_THREADS also stand in profiles/profiles.yml.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from kpi_warehouse.errors import UserError
from kpi_warehouse.yaml_file import read_yaml

PROJECT_DIR = Path(__file__).resolve().parents[2]
SAMPLE_MANIFEST = "sample.json"
# new reps are said to need three to nine months
_NEW_TEAM_MONTHS, _NEW_TEAM_MONTHS_MAX = 6, 60
# a week of working days can be taken back
_PUBLISH_KEEP, _PUBLISH_KEEP_MAX = 5, 1000


@dataclass(frozen=True)
class Settings:
    """The settings of one build; all paths are absolute."""

    extracts_dir: Path
    extracts_are_default: bool
    data_dir: Path
    warehouse_path: Path
    as_of_date: date | None
    is_strict: bool
    restates_history: bool
    memory_limit: str
    new_team_months: int
    publish_dir: Path
    publish_keep: int
    publish_postgres: str
    publish_postgres_role: str

    @classmethod
    def from_environment(cls, environment: Mapping[str, str], cwd: Path | None = None) -> Settings:
        """Read the settings.

        Raises UserError if AS_OF_DATE is no date, a switch not 0 or 1, or NEW_TEAM_MONTHS or
        PUBLISH_KEEP no such number.
        """
        cwd = cwd or Path.cwd()

        def path_of(name: str, default: Path) -> Path:
            given = environment.get(name, "").strip()
            return (cwd / Path(given).expanduser()).resolve() if given else default.resolve()

        def switch(name: str) -> bool:
            given = environment.get(name, "").strip() or "0"
            if given not in ("0", "1"):
                raise UserError("not 0 or 1", name, "set it to 1, or leave it out")
            return given == "1"

        data_dir = path_of("DATA_DIR", PROJECT_DIR / "data")
        default_warehouse = (data_dir / "warehouse.duckdb").resolve()
        warehouse = path_of("WAREHOUSE_PATH", default_warehouse)
        # a second warehouse is not a version of the first
        published = (
            data_dir / "published"
            if warehouse == default_warehouse
            else warehouse.with_name(f"{warehouse.stem}.published")
        )
        return cls(
            extracts_dir=path_of("EXTRACTS_DIR", PROJECT_DIR / "data" / "extracts"),
            extracts_are_default=not environment.get("EXTRACTS_DIR", "").strip(),
            data_dir=data_dir,
            warehouse_path=warehouse,
            as_of_date=_date_or_none(environment.get("AS_OF_DATE", "")),
            is_strict=switch("STRICT"),
            restates_history=switch("RESTATE_HISTORY"),
            memory_limit=environment.get("DUCKDB_MEMORY_LIMIT", "").strip() or "4GB",
            new_team_months=_whole_number(
                environment, "NEW_TEAM_MONTHS", _NEW_TEAM_MONTHS, 0, _NEW_TEAM_MONTHS_MAX, "months"
            ),
            publish_dir=path_of("PUBLISH_DIR", published),
            publish_keep=_whole_number(
                environment, "PUBLISH_KEEP", _PUBLISH_KEEP, 1, _PUBLISH_KEEP_MAX, "versions"
            ),
            publish_postgres=environment.get("PUBLISH_POSTGRES", "").strip(),
            publish_postgres_role=environment.get("PUBLISH_POSTGRES_ROLE", "").strip(),
        )

    @property
    def landing_dir(self) -> Path:
        """Where landing writes and the models read."""
        return self.data_dir / "landing"

    def resolve_as_of_date(self, now: datetime | None = None) -> date:
        """The last day that is in: as set, else the sample's, else today where the business is.

        Raises UserError if the extracts' sample.json does not hold a date.
        """
        now = now or datetime.now(UTC)
        return self.as_of_date or self.sample_as_of_date() or (now + business_utc_offset()).date()

    def sample_as_of_date(self) -> date | None:
        """The last day of the sample that the extracts are; None if they are none.

        Raises UserError if the extracts' sample.json does not hold a date.
        """
        manifest = self.extracts_dir / SAMPLE_MANIFEST
        if not manifest.is_file():
            return None
        try:
            return date.fromisoformat(json.loads(manifest.read_text("utf-8"))["as_of_date"])
        except (ValueError, KeyError, TypeError) as error:
            raise UserError("holds no as_of_date", manifest, "write the sample again") from error


def project_variables() -> dict[str, object]:
    """The constants of dbt_project.yml."""
    project = read_yaml(PROJECT_DIR / "dbt_project.yml")
    return project["vars"]


def business_utc_offset() -> timedelta:
    """How far the business is ahead of UTC."""
    return timedelta(hours=project_variables()["business_utc_offset_hours"])


def _date_or_none(text: str) -> date | None:
    if not text.strip():
        return None
    try:
        return datetime.strptime(text.strip(), "%Y-%m-%d").date()
    except ValueError as error:
        raise UserError("not a date", "AS_OF_DATE", "write it as YYYY-MM-DD") from error


def _whole_number(
    environment: Mapping[str, str], name: str, default: int, lowest: int, highest: int, of: str
) -> int:
    given = environment.get(name, "").strip() or str(default)
    # a longer text may be more digits than int() takes
    if (
        given.isascii()
        and given.isdecimal()
        and len(given) < 10
        and lowest <= int(given) <= highest
    ):
        return int(given)
    raise UserError(
        f"not a number of {of}", name, f"set it to a whole number from {lowest} to {highest}"
    )
