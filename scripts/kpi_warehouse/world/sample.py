"""A whole sample: a world simulated, its extracts written, and a note of what they came from."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from kpi_warehouse.errors import UserError
from kpi_warehouse.settings import SAMPLE_MANIFEST
from kpi_warehouse.world.log import WorldLog
from kpi_warehouse.world.simulate import WorldOptions, simulate
from kpi_warehouse.world.writers.files import FileFormat
from kpi_warehouse.world.writers.generic import FOLDER as GENERIC
from kpi_warehouse.world.writers.generic import write_generic
from kpi_warehouse.world.writers.planning import FOLDER as PLANNING
from kpi_warehouse.world.writers.planning import write_planning


def write_sample(
    out: Path, options: WorldOptions | None = None, file_format: FileFormat = "csv"
) -> WorldLog:
    """Simulates a world and writes its extracts into `out`; an earlier sample there is replaced.

    Everything is written beside `out` and takes its place at the end, so that a run that is
    stopped half-way leaves what was there.

    Returns:
        The log, with the traps of the world and those laid in the extracts.

    Raises:
        UserError: `out` holds anything but a sample.
    """
    refuse_other_files(out)
    options = options or WorldOptions()
    log = simulate(options)
    out.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=out.parent, prefix=f".{out.name}-") as scratch:
        draft = Path(scratch) / "sample"
        traps = write_generic(log, draft, file_format) | write_planning(log, draft, file_format)
        log = replace(log, traps=dict(sorted((log.traps | traps).items())))
        note = {
            "seed": options.seed,
            "activities": options.activities,
            "leads": options.lead_count,
            "start": options.first_day.isoformat(),
            "as_of_date": options.as_of_date.isoformat(),
            "format": file_format,
            "traps": log.traps,
        }
        text = json.dumps(note, ensure_ascii=False, indent=2) + "\n"
        (draft / SAMPLE_MANIFEST).write_text(text, encoding="utf-8")
        if out.exists():
            out.replace(Path(scratch) / "replaced")
        draft.replace(out)
    return log


def refuse_other_files(out: Path) -> None:
    """Only an empty folder and a whole sample may be replaced.

    Raises:
        UserError: there are files without the sample's note, or folders that no sample has; they
            may be somebody's own.
    """
    if not any(path.is_file() for path in out.rglob("*")):
        return
    names = {path.name for path in out.iterdir()}
    if SAMPLE_MANIFEST not in names or not names <= {SAMPLE_MANIFEST, GENERIC, PLANNING}:
        raise UserError("holds files that are no sample", out, "choose another folder")
