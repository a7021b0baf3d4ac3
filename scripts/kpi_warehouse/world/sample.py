"""A whole sample: a world simulated, its extracts written, and a note of what they came from."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal, get_args

from kpi_warehouse.errors import UserError
from kpi_warehouse.settings import SAMPLE_MANIFEST
from kpi_warehouse.world.log import WorldLog
from kpi_warehouse.world.simulate import WorldOptions, simulate
from kpi_warehouse.world.writers.files import FileFormat
from kpi_warehouse.world.writers.generic import FOLDER as GENERIC
from kpi_warehouse.world.writers.generic import write_generic
from kpi_warehouse.world.writers.native import FOLDERS as NATIVE
from kpi_warehouse.world.writers.native import with_native_rep_ids, write_native
from kpi_warehouse.world.writers.native_files import Encoding
from kpi_warehouse.world.writers.planning import FOLDER as PLANNING
from kpi_warehouse.world.writers.planning import write_planning

SAMPLE_NAMES = {SAMPLE_MANIFEST, GENERIC, PLANNING, *NATIVE}
"""What a sample's folder may hold."""
SampleFormat = Literal["native", "generic"]
SAMPLE_FORMATS: tuple[SampleFormat, ...] = get_args(SampleFormat)
"""`native`: as Salesforce, MiiTel and SendGrid export; `generic`: the layout for any system."""


def write_sample(
    out: Path,
    options: WorldOptions | None = None,
    sample_format: SampleFormat = "native",
    file_format: FileFormat = "csv",
    encoding: Encoding = "mixed",
) -> WorldLog:
    """Simulates a world and writes its extracts into `out`; an earlier sample there is replaced.

    Everything is written beside `out` and takes its place at the end, so that a run that is
    stopped half-way leaves what was there.

    Args:
        out: Folder of the extracts.
        options: What the world is made from.
        sample_format: The systems whose extracts are written.
        file_format: Of generic extracts and of planning; native ones have their own.
        encoding: Of the CSV files of native extracts.

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
        if sample_format == "native":
            traps = write_native(log, draft, encoding)
            traps |= write_planning(with_native_rep_ids(log), draft, file_format)
        else:
            traps = write_generic(log, draft, file_format)
            traps |= write_planning(log, draft, file_format)
        log = replace(log, traps=dict(sorted((log.traps | traps).items())))
        note = {
            "seed": options.seed,
            "activities": options.activities,
            "leads": options.lead_count,
            "start": options.first_day.isoformat(),
            "as_of_date": options.as_of_date.isoformat(),
            "format": sample_format,
            "file_format": file_format,
            "encoding": encoding if sample_format == "native" else "utf-8",
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
    if SAMPLE_MANIFEST not in names or not names <= SAMPLE_NAMES:
        raise UserError("holds files that are no sample", out, "choose another folder")
