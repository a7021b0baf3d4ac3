"""A short form of `make torture`: readers, kills and disks in seconds."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from kpi_warehouse.publishing import Store
from kpi_warehouse.torture import child_environment
from kpi_warehouse.torture.disks import check_full_and_read_only
from kpi_warehouse.torture.kills import damage, visible
from kpi_warehouse.torture.marts import publish_number
from kpi_warehouse.torture.readers import problems_of, publish_under_readers

# what is longer has gone wrong
TIMEOUT = 240


def test_readers_never_see_a_torn_version_nor_an_older_one(tmp_path: Path) -> None:
    outcome = publish_under_readers(tmp_path, 4, 2, lambda line: None)
    assert outcome.errors == ()
    assert outcome.reads > 4
    assert outcome.versions_seen > 1


def test_a_publication_killed_at_its_steps_does_no_damage(tmp_path: Path) -> None:
    """Every twelfth step here; each one by `make torture`."""
    done = subprocess.run(
        [sys.executable, "-m", "kpi_warehouse.torture.kills", str(tmp_path / "steps"), "12"],
        env=child_environment(),
        capture_output=True,
        encoding="utf-8",
        timeout=TIMEOUT,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    kills = int(done.stdout.split()[0])
    assert kills >= 3


def test_no_room_and_no_right_are_one_line(tmp_path: Path) -> None:
    assert check_full_and_read_only(tmp_path / "full", lambda line: None) == []


def test_the_checks_of_torture_see_damage(tmp_path: Path) -> None:
    """What finds nothing has to be able to find something."""
    published, work = tmp_path / "published", tmp_path
    for number in range(2):
        publish_number(published, work, number)
    store = Store(published)
    before = visible(published)
    assert damage(before, published, 3) == []
    first, second = store.versions
    (first.folder / "parquet" / "torture.parquet").write_bytes(b"")
    assert any("has changed" in line for line in damage(before, published, 3))
    text = (second.folder / "publication.json").read_text("utf-8")
    (second.folder / "publication.json").write_text(text.replace('"rows": 20001', '"rows": 20002'))
    assert problems_of(store.current) == [
        f"{second.name}: fct_activities is not what publication.json says"
    ]
    (published / "current").unlink()
    assert damage(before, published, 3) == ["current names no version"]
