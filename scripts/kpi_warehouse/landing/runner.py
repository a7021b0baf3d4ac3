"""Land the extracts: read what is new or changed, drop what is gone, leave the rest alone."""

from __future__ import annotations

import hashlib
import shutil
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from kpi_warehouse.errors import UserError
from kpi_warehouse.landing.discovery import SourceFile, find_files
from kpi_warehouse.landing.interface import ObjectLayout
from kpi_warehouse.landing.manifest import (
    LandedFile,
    Manifest,
    load_manifest,
    replacing,
    save_manifest,
)
from kpi_warehouse.landing.readers import BATCH_ROWS, not_text

_CHUNK_BYTES = 1 << 20
_SCHEMA_FILE = "_schema.parquet"


@dataclass(frozen=True)
class LandingReport:
    """What one landing did: file names by what happened to them, and rows in all files."""

    read: tuple[str, ...]
    unchanged: tuple[str, ...]
    removed: tuple[str, ...]
    unknown: tuple[str, ...]
    row_count: int


def land(
    extracts_dir: Path,
    landing_dir: Path,
    layouts: Sequence[ObjectLayout],
    say: Callable[[str], None],
    sample_as_of: date | None = None,
    memory_limit: str = "4GB",
) -> LandingReport:
    """Bring `landing_dir` in line with `extracts_dir`.

    Writes `<system>/<object>/<file>.parquet` per input and `_schema.parquet`, without rows, per
    object: the object's columns as text, `_file_name` (relative to the extracts),
    `_row_number` (1 is the first record after the header) and `_file_hash` (SHA-256 of the
    input). Also `_files/files.parquet`, one row per input, and `_context/context.parquet` with
    the sample's as_of_date. An input is read if its size, time or interface changed and its
    hash confirms it. Every file is replaced as a whole and entered into the manifest
    afterwards, so that an interrupted run is taken up by the next one.

    Raises UserError for an input that cannot be read; what was landed of it before is kept.
    """
    files, unknown = find_files(extracts_dir, layouts)
    for name in unknown:
        say(f"warning: {name} is of no known object or format and is not read")
    for layout in layouts:
        _object_dir(landing_dir, layout).mkdir(parents=True, exist_ok=True)
    _remove_leftovers(landing_dir)

    manifest_path = landing_dir / "manifest.json"
    manifest = load_manifest(manifest_path)
    connection = _connect(landing_dir, memory_limit)
    read, unchanged = [], []
    try:
        for file in files:
            entry = _still_valid(file, landing_dir, manifest.get(file.name))
            if entry:
                unchanged.append(file.name)
                manifest[file.name] = entry
                continue
            # while the Parquet file is replaced, the manifest must not vouch for it
            if manifest.pop(file.name, None):
                save_manifest(manifest_path, manifest)
            started = time.monotonic()
            manifest[file.name] = entry = _land_file(connection, file, landing_dir)
            save_manifest(manifest_path, manifest)
            read.append(file.name)
            seconds = time.monotonic() - started
            say(f"  read {file.name}: {entry.row_count:,} rows, {seconds:.1f} s")
        for layout in layouts:
            _write_schema_file(connection, layout, landing_dir)
    finally:
        connection.close()

    names = {file.name for file in files}
    removed = sorted(manifest.keys() - names)
    manifest = {name: entry for name, entry in manifest.items() if name in names}
    _remove_stale_files(landing_dir, layouts, files)
    _write_table(landing_dir / "_files" / "files.parquet", _files_table(files, manifest))
    _write_table(landing_dir / "_context" / "context.parquet", _context_table(sample_as_of))
    save_manifest(manifest_path, manifest)

    row_count = sum(entry.row_count for entry in manifest.values())
    report = LandingReport(tuple(read), tuple(unchanged), tuple(removed), tuple(unknown), row_count)
    say(
        f"landed {len(files)} files, {row_count:,} rows: {len(read)} read, "
        f"{len(unchanged)} unchanged, {len(removed)} removed"
    )
    return report


def hash_file(file: SourceFile) -> str:
    """SHA-256 of the file. Raises UserError if it is empty, or holds a NUL but should be text."""
    if file.path.stat().st_size == 0:
        raise UserError("empty (0 bytes)", file.path, "export it again, or remove the file")
    digest = hashlib.sha256()
    offset = 0
    with file.path.open("rb") as stream:
        while chunk := stream.read(_CHUNK_BYTES):
            if file.format.is_plain_text and (position := chunk.find(b"\0")) >= 0:
                raise not_text(file.path, offset + position)
            digest.update(chunk)
            offset += len(chunk)
    return digest.hexdigest()


def number_rows(batches: pa.RecordBatchReader) -> pa.RecordBatchReader:
    """Add `_row_number`, counted from 1 over all batches.

    Counting here, and not by a window function, leaves DuckDB free to write in parallel.
    """
    schema = batches.schema.append(pa.field("_row_number", pa.int64()))

    def numbered() -> Iterator[pa.RecordBatch]:
        first = 1
        for batch in batches:
            numbers = pa.array(np.arange(first, first + batch.num_rows, dtype=np.int64))
            yield pa.RecordBatch.from_arrays([*batch.columns, numbers], schema=schema)
            first += batch.num_rows

    return pa.RecordBatchReader.from_batches(schema, numbered())


def _connect(landing_dir: Path, memory_limit: str) -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect()
    connection.execute("set memory_limit = $limit", {"limit": memory_limit})
    connection.execute("set temp_directory = $path", {"path": str(_spill_dir(landing_dir))})
    connection.execute("set TimeZone = 'UTC'")
    connection.execute("set produce_arrow_string_view = true")  # text is handed on uncopied
    return connection


def _still_valid(
    file: SourceFile, landing_dir: Path, entry: LandedFile | None
) -> LandedFile | None:
    """The manifest's entry, brought up to date, if the file need not be read again."""
    landed = _landed_path(landing_dir, file)
    if (
        not entry
        or entry.interface != file.layout.fingerprint
        or not landed.is_file()
        or landed.stat().st_size != entry.landed_size
    ):
        return None
    status = file.path.stat()
    if (status.st_size, status.st_mtime_ns) == (entry.size, entry.mtime_ns):
        return entry
    if status.st_size != entry.size or hash_file(file) != entry.sha256:
        return None
    return replace(entry, mtime_ns=status.st_mtime_ns)


def _land_file(
    connection: duckdb.DuckDBPyConnection, file: SourceFile, landing_dir: Path
) -> LandedFile:
    before = file.path.stat()
    sha256 = hash_file(file)
    landed = _landed_path(landing_dir, file)
    with replacing(landed) as partial:
        try:
            batches = file.format.read(connection.cursor(), file.path, file.layout)
            row_count = _write_landed(connection.cursor(), batches, file, sha256, partial)
        except duckdb.OutOfMemoryException as error:
            raise UserError(
                "does not fit into memory", file.path, "raise DUCKDB_MEMORY_LIMIT"
            ) from error
        except duckdb.Error as error:
            raise file.format.explain(file.path, error) from error
        after = file.path.stat()
        if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
            raise UserError(
                "changed while it was read", file.path, "wait until it is complete and retry"
            )
    return LandedFile(
        size=before.st_size,
        mtime_ns=before.st_mtime_ns,
        sha256=sha256,
        interface=file.layout.fingerprint,
        row_count=row_count,
        landed_size=landed.stat().st_size,
    )


def _write_landed(
    connection: duckdb.DuckDBPyConnection,
    batches: pa.RecordBatchReader,
    file: SourceFile,
    sha256: str,
    target: Path,
) -> int:
    connection.register("numbered", number_rows(batches))
    (row_count,) = connection.execute(
        f"""
        copy (
            select
                {_column_list(file.layout)},
                cast($name as varchar) as _file_name,
                _row_number,
                cast($sha256 as varchar) as _file_hash
            from numbered
        ) to $target (format parquet, row_group_size {BATCH_ROWS})
        """,
        {"name": file.name, "sha256": sha256, "target": str(target)},
    ).fetchone()
    return row_count


def _write_schema_file(
    connection: duckdb.DuckDBPyConnection, layout: ObjectLayout, landing_dir: Path
) -> None:
    columns = ", ".join(f'cast(null as varchar) as "{column}"' for column in layout.columns)
    with replacing(_object_dir(landing_dir, layout) / _SCHEMA_FILE) as partial:
        connection.execute(
            f"""
            copy (
                select
                    {columns},
                    cast(null as varchar) as _file_name,
                    cast(null as bigint) as _row_number,
                    cast(null as varchar) as _file_hash
                where false
            ) to $target (format parquet)
            """,
            {"target": str(partial)},
        )


def _write_table(path: Path, content: pa.Table) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as partial:
        pq.write_table(content, partial)


def _files_table(files: Iterable[SourceFile], manifest: Manifest) -> pa.Table:
    rows = [(file, manifest[file.name]) for file in files]
    return pa.table(
        {
            "system": pa.array([file.layout.system for file, _ in rows], pa.string()),
            "object": pa.array([file.layout.name for file, _ in rows], pa.string()),
            "file_name": pa.array([file.name for file, _ in rows], pa.string()),
            "file_hash": pa.array([entry.sha256 for _, entry in rows], pa.string()),
            "row_count": pa.array([entry.row_count for _, entry in rows], pa.int64()),
        }
    )


def _context_table(sample_as_of: date | None) -> pa.Table:
    text = sample_as_of.isoformat() if sample_as_of else None
    return pa.table({"as_of_date": pa.array([text], pa.string())})


def _remove_leftovers(landing_dir: Path) -> None:
    """Drop what an interrupted run left."""
    shutil.rmtree(_spill_dir(landing_dir), ignore_errors=True)
    for partial in landing_dir.rglob("*.partial"):
        partial.unlink()


def _remove_stale_files(
    landing_dir: Path, layouts: Iterable[ObjectLayout], files: Iterable[SourceFile]
) -> None:
    """Drop the Parquet files of inputs and objects that are gone."""
    kept = {_landed_path(landing_dir, file) for file in files}
    kept |= {_object_dir(landing_dir, layout) / _SCHEMA_FILE for layout in layouts}
    for landed in landing_dir.glob("*/*/*.parquet"):
        if landed not in kept:
            landed.unlink()
            if not any(landed.parent.iterdir()):
                landed.parent.rmdir()


def _spill_dir(landing_dir: Path) -> Path:
    return landing_dir / "_spill"


def _object_dir(landing_dir: Path, layout: ObjectLayout) -> Path:
    return landing_dir / layout.system / layout.name


def _landed_path(landing_dir: Path, file: SourceFile) -> Path:
    return _object_dir(landing_dir, file.layout) / f"{file.path.name}.parquet"


def _column_list(layout: ObjectLayout) -> str:
    return ", ".join(f'"{column}"' for column in layout.columns)
