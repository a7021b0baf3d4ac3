"""A copy of the registry whose rows a test changes."""

from __future__ import annotations

import csv
import shutil
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
Row = dict[str, str]


class Files:
    """A copy of seeds/ and of what the rules read beside it, with rows to change."""

    def __init__(self, root: Path) -> None:
        shutil.copytree(ROOT / "seeds", root / "seeds")
        shutil.copy(ROOT / "dbt_project.yml", root)
        self.root = root
        self.seeds = root / "seeds"
        self.registry = self.seeds / "registry"

    def rows(self, seed: str) -> list[Row]:
        """The rows of a seed; there are some."""
        with self._path(seed).open(encoding="utf-8", newline="") as file:
            found = list(csv.DictReader(file))
        assert found
        return found

    def write(self, seed: str, rows: list[Row]) -> None:
        """Write a seed anew."""
        with self._path(seed).open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, rows[0])
            writer.writeheader()
            writer.writerows(rows)

    def set(self, seed: str, key: str, **cells: str) -> None:
        """Change cells of the rows with this key, the newest version of a KPI."""
        rows = self.rows(seed)
        found = [row for row in rows if next(iter(row.values())) == key]
        assert found
        found[-1].update(cells)
        self.write(seed, rows)

    def add(self, seed: str, key: str, **cells: str) -> None:
        """Add a row like the last one with this key, but for these cells."""
        rows = self.rows(seed)
        found = [row for row in rows if next(iter(row.values())) == key]
        rows.append(found[-1] | cells)
        self.write(seed, rows)

    def remove(self, seed: str, **cells: str) -> None:
        """Remove the rows with these cells."""
        rows = self.rows(seed)
        kept = [row for row in rows if not cells.items() <= row.items()]
        assert len(kept) < len(rows)
        self.write(seed, kept)

    def sign(self, kpi_id: str, version: str) -> None:
        """Sign a version by all who have to."""
        signed = [row for row in self.rows("kpi_signoffs") if row["kpi_id"] == kpi_id]
        rows = self.rows("kpi_signoffs")
        self.write("kpi_signoffs", [*rows, *(row | {"version": version} for row in signed)])

    def second_version(self, kpi_id: str, end: str, start: str, **cells: str) -> None:
        """End the first version of a KPI and begin a second, signed one."""
        self.set("kpi_definitions", kpi_id, effective_to=end)
        more = {"version": "2", "effective_from": start, "effective_to": ""}
        self.add("kpi_definitions", kpi_id, **(more | cells))
        self.sign(kpi_id, "2")

    def replace(self, name: str, before: bytes, after: bytes) -> None:
        """Change bytes of a registry file."""
        path = self.registry / name
        content = path.read_bytes()
        assert before in content
        path.write_bytes(content.replace(before, after, 1))

    def _path(self, seed: str) -> Path:
        return next(self.seeds.glob(f"*/{seed}.csv"))
