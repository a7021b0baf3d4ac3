"""How fast calls land in CP932, measured against the same calls in UTF-8."""

from __future__ import annotations

import multiprocessing
import resource
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from kpi_warehouse.landing.conventions import project_conventions
from kpi_warehouse.landing.encodings import CP932, UTF_8
from kpi_warehouse.landing.interface import ObjectLayout
from kpi_warehouse.landing.runner import land

_HEADER = (
    "call_id,parent_call_id,lead_id,rep_id,direction,from_number,to_number,started_at,answered_at,"
    "ended_at,disposition,reached,information_exchanged,need_recorded,is_internal,logged_by,"
    "external_call_id,note\n"
)
_DISPOSITIONS = ("接続", "不在", "受付拒否", "留守番電話", "アポ獲得")
_NOTES = ("", "担当者不在、改めて架電", "資料送付済み。来週再度ご連絡", "①㈱サンプル 髙橋様", "")
_MEBIBYTE_IN_KIBIBYTES = 1024


@dataclass(frozen=True)
class Landing:
    """One landing of the calls: seconds on the clock and of processor time, and peak memory."""

    encoding: str
    seconds: float
    cpu_seconds: float
    peak_mib: int


def measure_landing(
    layouts: Sequence[ObjectLayout], row_count: int, runs: int, say: Callable[[str], None]
) -> float:
    """Land the same calls in both encodings, alternately, each time in a process of its own.

    Returns the speed of CP932 as a share of that of UTF-8, by the median of processor time.
    """
    landings: list[Landing] = []
    with tempfile.TemporaryDirectory() as root:
        for encoding in (UTF_8, CP932):
            write_calls(Path(root) / encoding / "generic" / "calls.csv", row_count, encoding)
        context = multiprocessing.get_context("spawn")
        for _ in range(runs):
            for encoding in (UTF_8, CP932):
                with context.Pool(1) as pool:
                    landing = pool.apply(_land, (Path(root), encoding, tuple(layouts)))
                landings.append(landing)
                say(
                    f"  {encoding}: {landing.seconds:.1f} s, {landing.cpu_seconds:.1f} s of "
                    f"processor time, at most {landing.peak_mib:,} MiB"
                )
    cpu = {
        encoding: statistics.median(
            landing.cpu_seconds for landing in landings if landing.encoding == encoding
        )
        for encoding in (UTF_8, CP932)
    }
    share = cpu[UTF_8] / cpu[CP932]
    say(f"{row_count:,} calls: CP932 lands at {share:.2f} of the speed of UTF-8 (processor time)")
    return share


def write_calls(path: Path, row_count: int, encoding: str) -> None:
    """Write calls in the generic layout; the same rows for every encoding."""
    path.parent.mkdir(parents=True)
    leads = np.random.default_rng(1).integers(0, 20_000, row_count)
    with path.open("w", encoding=encoding, newline="") as file:
        file.write(_HEADER)
        for number, lead in enumerate(leads.tolist()):
            minute = f"2026-0{1 + number % 9}-1{number % 9} 0{number % 10}:{number % 60:02d}"
            file.write(
                f"C{number:09d},,L{lead:06d},U{lead % 40:03d},outbound,+813{number % 10**8:08d},"
                f"+819{lead:09d},{minute}:00,,{minute}:40,{_DISPOSITIONS[number % 5]},target,false,"
                f"false,false,dialer,X{number},{_NOTES[number % 5]}\n"
            )


def _land(root: Path, encoding: str, layouts: Sequence[ObjectLayout]) -> Landing:
    with tempfile.TemporaryDirectory(dir=root) as target:
        clock, cpu = time.monotonic(), time.process_time()
        land(
            root / encoding,
            Path(target),
            layouts,
            lambda line: None,
            conventions=project_conventions(),
        )
        return Landing(
            encoding=encoding,
            seconds=time.monotonic() - clock,
            cpu_seconds=time.process_time() - cpu,
            peak_mib=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // _MEBIBYTE_IN_KIBIBYTES,
        )
