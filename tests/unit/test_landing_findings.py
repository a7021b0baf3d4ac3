"""The account of rows that did not land, written from several threads."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from kpi_warehouse.landing import findings
from kpi_warehouse.landing.findings import FindingsWriter

ROWS, THREADS = 3_000, 4


def test_every_finding_is_written_once_whoever_adds_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The splitter of lines and the sieve report from threads of their own, thousands at a time."""
    # a write lets other threads go on: the more there are, the surer two meet in one
    monkeypatch.setattr(findings, "_ROWS_IN_MEMORY", 10)
    writer = FindingsWriter(tmp_path / "found.parquet", "generic", "leads", "leads.csv")

    def add(first: int) -> None:
        for number in range(first, first + ROWS):
            writer.add("ragged_row", number)

    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(add, range(0, ROWS * THREADS, ROWS)))
    writer.close()
    written = pq.read_table(tmp_path / "found.parquet")["row_number"].to_pylist()
    assert sorted(written) == list(range(ROWS * THREADS))
    assert writer.counts.rejected == {"ragged_row": ROWS * THREADS}
