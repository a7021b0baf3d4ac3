"""A whole sample: a world simulated, its extracts written, and a note of what they came from."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

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

    The note `sample.json` is written last: a sample without it is half-written.

    Returns:
        The log, with the traps of the world and those laid in the extracts.

    Raises:
        UserError: `out` holds files, but no sample.
    """
    options = options or WorldOptions()
    remove_earlier(out)
    log = simulate(options)
    traps = write_generic(log, out, file_format) | write_planning(log, out, file_format)
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
    (out / SAMPLE_MANIFEST).write_text(text, encoding="utf-8")
    return log


def remove_earlier(out: Path) -> None:
    """Removes an earlier sample's extracts, the note first.

    Raises:
        UserError: there are extracts without the note, so they may be somebody's own.
    """
    note = out / SAMPLE_MANIFEST
    extracts = [path for folder in (GENERIC, PLANNING) for path in (out / folder).glob("*")]
    if extracts and not note.exists():
        raise UserError("holds extracts that are no sample", out, "choose another folder")
    note.unlink(missing_ok=True)
    for path in extracts:
        path.unlink()
