"""All of `make torture`, phase by phase."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from kpi_warehouse.errors import BuildError
from kpi_warehouse.settings import PROJECT_DIR
from kpi_warehouse.torture import child_environment
from kpi_warehouse.torture.disks import check_builds, check_full_and_read_only
from kpi_warehouse.torture.kills import kill_at_random
from kpi_warehouse.torture.readers import publish_under_readers
from kpi_warehouse.world import WorldOptions, write_sample

Say = Callable[[str], None]
# small, so that a build is start-up and the many small steps in which it can be killed
_WORLD = WorldOptions(activities=2_000)


def torture(
    folder: Path,
    say: Say,
    publications: int = 200,
    readers: int = 4,
    kills: int = 50,
    with_builds: bool = True,
    seed: int = 1,
) -> None:
    """Run every phase in an empty folder.

    Args:
        folder: takes some hundred MB for a while.
        say: takes a line of progress.
        publications: made while readers read.
        readers: processes that read without a pause.
        kills: at random moments, half of them of publications and half of whole builds.
        with_builds: also kill whole builds, which takes a minute each.
        seed: of the moments.

    Raises BuildError that lists what was not right.
    """
    problems: list[str] = []
    start = time.monotonic()
    say(f"{publications} publications under {readers} readers")
    outcome = publish_under_readers(folder / "readers", publications, readers, say)
    problems += outcome.errors
    say(
        f"  {outcome.reads:,} reads, each reader saw {outcome.versions_seen} versions or more, "
        f"{len(outcome.errors)} errors"
    )
    if outcome.reads < publications or outcome.versions_seen < 2:
        problems.append("the readers saw too little to tell")

    say("a publication killed before each of its steps on the disk")
    environment = child_environment()
    # this process has opened databases, and that one is forked
    stepped = subprocess.run(
        [sys.executable, "-m", "kpi_warehouse.torture.kills", str(folder / "steps"), "1"],
        env=environment,
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    for line in (stepped.stdout + stepped.stderr).splitlines():
        say(f"  {line}")
    if stepped.returncode:
        problems.append("a step at which a kill does damage, see above")

    builds = kills // 2 if with_builds else 0
    say(f"publications killed at {kills - builds} random moments")
    published = folder / "random" / "published"
    work = folder / "random" / "work"
    work.mkdir(parents=True)
    publication = [
        *(sys.executable, "-m", "kpi_warehouse.torture.disks"),
        *(str(published), str(work), "1", ""),
    ]
    killed = kill_at_random(publication, environment, published, kills - builds, seed, say, keep=3)
    problems += killed.problems

    say("no room, and no right to write")
    problems += check_full_and_read_only(folder / "full", say)

    if with_builds:
        say(f"builds killed at {builds} random moments")
        extracts = folder / "extracts"
        write_sample(extracts, _WORLD)
        environment |= {"EXTRACTS_DIR": str(extracts), "DATA_DIR": str(folder / "data")}
        for name in ("WAREHOUSE_PATH", "PUBLISH_DIR", "PUBLISH_POSTGRES", "AS_OF_DATE"):
            environment.pop(name, None)
        build = [sys.executable, str(PROJECT_DIR / "scripts" / "build.py")]
        killed = kill_at_random(
            build, environment, folder / "data" / "published", builds, seed, say
        )
        problems += killed.problems
        say("builds without room and without the right to write")
        problems += check_builds(folder / "small", environment, build)
    say(f"{time.monotonic() - start:,.0f} s, {len(problems)} problems")
    if problems:
        raise BuildError(f"{len(problems)} problems", problems)
