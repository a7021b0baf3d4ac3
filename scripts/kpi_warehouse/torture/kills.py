"""Publications that are killed: before each single step on the disk, and at random moments."""

from __future__ import annotations

import hashlib
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from kpi_warehouse.publishing import Store
from kpi_warehouse.torture.marts import publish_number
from kpi_warehouse.torture.readers import problems_of

# what Python announces before it does it
_STEPS = {"os.rename", "os.symlink", "os.remove", "os.mkdir", "os.rmdir", "shutil.rmtree", "open"}
_ENDED = 0
# more than any publication has
_MOST_STEPS = 10_000


@dataclass
class Killed:
    """How often something was killed, and what was not right afterwards."""

    kills: int = 0
    finished: int = 0
    problems: list[str] = field(default_factory=list)


def visible(folder: Path) -> dict[str, str]:
    """What readers can see: `current`, and every file of the versions that were published."""
    store = Store(folder)
    current = store.current
    found = {"current": current.name if current else ""}
    for version in store.versions:
        for path in sorted(version.folder.rglob("*")):
            if path.is_file() and path.name != ".new":
                digest = hashlib.sha256(path.read_bytes()).hexdigest()
                found[str(path.relative_to(folder))] = digest
    return found


def damage(before: dict[str, str], folder: Path, keep: int) -> list[str]:
    """What a kill has done to what readers see; a whole new current version is no damage."""
    after = visible(folder)
    store = Store(folder)
    current = store.current
    if current is None:
        return ["current names no version"]
    problems = [problem for version in store.versions for problem in problems_of(version)]
    is_new = after["current"] != before["current"]
    kept = sorted({path.split("/")[1] for path in after if "/" in path})
    for path, digest in before.items():
        if path == "current" or path in after:
            if path != "current" and after[path] != digest:
                problems.append(f"{path} has changed")
            continue
        # older ones go only after a new one is current
        if not is_new or len(kept) < min(keep, len({p.split("/")[1] for p in before if "/" in p})):
            problems.append(f"{path} is gone")
    return problems


def kill_at_each_step(folder: Path, every: int = 1, keep: int = 2) -> Killed:
    """Kill a publication before its first step on the disk, its second, and so on to the last.

    After each, what readers see is as it was or wholly new; then the next one succeeds. The
    process that calls it is forked, so it must not have opened a database.

    Args:
        folder: an empty one.
        every: 1 for each step, 3 for every third one.
        keep: versions that are kept.
    """
    found = Killed()
    work, published = folder / "work", folder / "published"
    work.mkdir(parents=True)
    for number in range(keep):
        _forked(_publish, published, work, number, keep)
    for step in range(1, _MOST_STEPS, every):
        number = keep + 2 * step
        before = visible(published)
        status = _forked(_publish, published, work, number, keep, step)
        found.kills += os.WIFSIGNALED(status)
        is_over = status == _ENDED
        if not (is_over or os.WIFSIGNALED(status)):
            found.problems.append(f"step {step}: ended with {os.waitstatus_to_exitcode(status)}")
        if _forked(_report, before, published, keep):
            found.problems.append(f"step {step}: see above")
        if _forked(_publish, published, work, number + 1, keep) != _ENDED:
            found.problems.append(f"step {step}: the next publication failed")
        found.finished += 1 + is_over
        if is_over:
            break
    hidden = [path.name for path in (published / "versions").iterdir() if path.name[0] == "."]
    if hidden:
        found.problems.append(f"left over: {', '.join(hidden)}")
    return found


def kill_at_random(
    command: Sequence[str],
    environment: dict[str, str],
    published: Path,
    kills: int,
    seed: int,
    say: Callable[[str], None],
    finish_every: int = 5,
    keep: int = 5,
) -> Killed:
    """Kill a command, with all it has started, at moments drawn from a whole run's time.

    What readers see is held against before after each kill; every few kills the command is let run
    to its end, which has to succeed.
    """
    moments = random.Random(seed)
    found = Killed()
    seconds = 0.0
    for number in range(kills + 1):
        is_to_finish = number % finish_every == 0 or number == kills
        if is_to_finish:
            start = time.monotonic()
            done = subprocess.run(
                command, env=environment, capture_output=True, encoding="utf-8", check=False
            )
            seconds = time.monotonic() - start
            found.finished += done.returncode == 0
            if done.returncode:
                found.problems.append(f"after {found.kills} kills: {done.stderr[-500:]}")
                break
            if number == kills:
                break
        before = visible(published)
        with subprocess.Popen(
            command,
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        ) as process:
            try:
                process.wait(moments.uniform(0, seconds))
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                found.kills += 1
        found.problems += damage(before, published, keep)
        say(f"  {number + 1}: {found.kills} killed, {found.finished} let run to their end")
    return found


def _kill_before(step: int, folder: Path) -> None:
    """Kill this process before its so many-th step below a folder."""
    steps = iter(range(1, step + 1))
    below = str(folder)

    def announced(event: str, arguments: tuple[object, ...]) -> None:
        if event not in _STEPS or not any(_is_below(each, below) for each in arguments):
            return
        if next(steps, step) == step:
            os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(announced)


def _is_below(argument: object, folder: str) -> bool:
    return isinstance(argument, str | os.PathLike) and os.fspath(argument).startswith(folder)


def _publish(published: Path, work: Path, number: int, keep: int, killed_at: int = 0) -> None:
    if killed_at:
        _kill_before(killed_at, published)
    publish_number(published, work, number, keep)


def _report(before: dict[str, str], published: Path, keep: int) -> None:
    for problem in (problems := damage(before, published, keep)):
        print(problem, file=sys.stderr, flush=True)
    if problems:
        os._exit(1)


def _forked(work: Callable[..., None], *arguments: object) -> int:
    """Do it in a process of its own; returns how that ended, 0 if well."""
    process = os.fork()
    if process == 0:
        try:
            work(*arguments)
        except BaseException as error:
            print(f"{type(error).__name__}: {error}", file=sys.stderr, flush=True)
            os._exit(2)
        os._exit(_ENDED)
    return os.waitpid(process, 0)[1]


def steps_to_text(found: Killed) -> Iterator[str]:
    """A line for people, and one per problem."""
    yield f"{found.kills} kills, {found.finished} runs to the end, {len(found.problems)} problems"
    yield from (f"  {problem}" for problem in found.problems)


if __name__ == "__main__":
    outcome = kill_at_each_step(Path(sys.argv[1]), int(sys.argv[2]))
    for text in steps_to_text(outcome):
        print(text)
    sys.exit(bool(outcome.problems) or not outcome.kills)
