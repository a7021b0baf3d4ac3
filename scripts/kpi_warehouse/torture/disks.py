"""No room and no right to write: one clear line, and what was published stays."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from kpi_warehouse.errors import EXIT_USER_ERROR, run_command
from kpi_warehouse.torture import child_environment
from kpi_warehouse.torture.kills import visible
from kpi_warehouse.torture.marts import publish_number

# room left, each less than a version takes
_KILOBYTES_LEFT = (1500, 700, 300, 100, 20, 0)


@dataclass(frozen=True)
class Disk:
    """A small file system of its own, or what stands in for one.

    Attributes:
        is_real: whether it was mounted; else a limit on the size of files stands in.
    """

    folder: Path
    is_real: bool

    def make_read_only(self) -> None:
        """Nobody can write to it any more, root included."""
        _mount("-o", "remount,ro", self.folder)

    def make_writable(self) -> None:
        """Take that back."""
        _mount("-o", "remount,rw", self.folder)


@contextmanager
def small_disk(folder: Path, megabytes: int) -> Iterator[Disk]:
    """A file system in memory, where mounting is allowed; else a plain folder."""
    folder.mkdir(parents=True)
    is_real = os.geteuid() == 0 and _mount(
        "-t", "tmpfs", "-o", f"size={megabytes}m", "none", folder
    )
    try:
        yield Disk(folder, is_real)
    finally:
        if is_real:
            subprocess.run(["/bin/umount", str(folder)], check=False)
        shutil.rmtree(folder, ignore_errors=True)


def check_full_and_read_only(folder: Path, say: Callable[[str], None]) -> list[str]:
    """Publish to a disk that is full, then to one that cannot be written; returns the problems."""
    problems: list[str] = []
    work = folder / "work"
    work.mkdir(parents=True)
    with small_disk(folder / "disk", 24) as disk:
        published = disk.folder / "published"
        publish_number(published, work, 1)
        before = visible(published)
        kind = "a small disk" if disk.is_real else "a limit on the size of files"
        for free in _KILOBYTES_LEFT:
            filler = disk.folder / "filler"
            if disk.is_real:
                _fill(filler, free * 1024)
            code, lines = _publish(published, work, 2, None if disk.is_real else free * 400)
            filler.unlink(missing_ok=True)
            problems += _judge(f"full, {free} kB left", code, lines, before, published)
        say(f"  full ({kind}): {lines[-1] if lines else ''}")
        if disk.is_real:
            disk.make_read_only()
            code, lines = _publish(published, work, 2, None)
            problems += _judge("read-only", code, lines, before, published)
            disk.make_writable()
            say(f"  read-only: {lines[-1] if lines else ''}")
        else:
            say("  read-only: not tried, as nothing can be mounted here")
        code, lines = _publish(published, work, 3, None)
        if code or visible(published)["current"] == before["current"]:
            problems.append(f"with room again: exit code {code}: {lines}")
    return problems


def check_builds(folder: Path, environment: dict[str, str], build: list[str]) -> list[str]:
    """A whole build with its data on small disks; returns the problems."""
    problems = []
    for megabytes in (1, 40):
        with small_disk(folder / "disk", megabytes) as disk:
            if not disk.is_real:
                return problems
            variables = {**environment, "DATA_DIR": str(disk.folder / "data")}
            done = subprocess.run(
                build, env=variables, capture_output=True, encoding="utf-8", check=False
            )
            problems += _judged_build(f"a build on {megabytes} MB", done)
            disk.make_read_only()
            done = subprocess.run(
                build, env=variables, capture_output=True, encoding="utf-8", check=False
            )
            problems += _judged_build("a build on a read-only disk", done)
            disk.make_writable()
    return problems


def _judged_build(case: str, done: subprocess.CompletedProcess[str]) -> Iterator[str]:
    lines = done.stderr.splitlines()
    if done.returncode != EXIT_USER_ERROR or len(lines) != 1:
        yield f"{case}: exit code {done.returncode}, {len(lines)} lines: {lines[:3]}"


def _judge(
    case: str, code: int, lines: list[str], before: dict[str, str], published: Path
) -> Iterator[str]:
    if code != EXIT_USER_ERROR or len(lines) != 1 or not lines[0].startswith("error: "):
        yield f"{case}: exit code {code}: {lines}"
    if visible(published) != before:
        yield f"{case}: what was published has changed"


def _publish(
    published: Path, work: Path, number: int, largest: int | None
) -> tuple[int, list[str]]:
    """Publish in a process of its own; its exit code, and the lines of its complaint."""
    command = [sys.executable, "-m", __name__, str(published), str(work), str(number)]
    done = subprocess.run(
        [*command, "" if largest is None else str(largest)],
        env=child_environment(),
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    return done.returncode, done.stderr.splitlines()


def _fill(path: Path, left: int) -> None:
    free = shutil.disk_usage(path.parent).free
    with path.open("wb") as stream:
        stream.write(bytes(max(0, free - left)))


def _mount(*arguments: object) -> bool:
    command = ["/bin/mount", *(str(each) for each in arguments)]
    try:
        return subprocess.run(command, capture_output=True, check=False).returncode == 0
    except OSError:
        return False


def _main(published: str, work: str, number: str, largest: str) -> None:
    if largest:
        import resource

        # the warehouse that is published is not what is to fail
        from kpi_warehouse.publishing import Build, Store, publishing
        from kpi_warehouse.torture.marts import AS_OF, write_warehouse

        database = write_warehouse(Path(work) / "built.duckdb", int(number))
        resource.setrlimit(resource.RLIMIT_FSIZE, (int(largest), int(largest)))
        store = Store(Path(published))
        with store.writing(), publishing(store, Build(database, AS_OF), 3) as show:
            show()
    else:
        publish_number(Path(published), Path(work), int(number))


if __name__ == "__main__":
    sys.exit(run_command(lambda: _main(*sys.argv[1:])))
