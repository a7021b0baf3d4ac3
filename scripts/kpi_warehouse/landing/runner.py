"""Land the extracts: read what is new or changed, drop what is gone, leave the rest alone."""

from __future__ import annotations

import hashlib
import shutil
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from kpi_warehouse.errors import UserError
from kpi_warehouse.landing import encodings
from kpi_warehouse.landing.conventions import Conventions, project_conventions
from kpi_warehouse.landing.discovery import SourceFile, find_files
from kpi_warehouse.landing.encodings import Survey
from kpi_warehouse.landing.findings import (
    COLUMN_TWICE,
    KEY_DERIVED,
    NO_FINDINGS,
    SCHEMA,
    FindingCounts,
)
from kpi_warehouse.landing.interface import ObjectLayout
from kpi_warehouse.landing.manifest import (
    LandedFile,
    Manifest,
    load_manifest,
    partial_path,
    replacing,
    save_manifest,
)
from kpi_warehouse.landing.normalisation import FileValues
from kpi_warehouse.landing.readers import (
    BATCH_ROWS,
    Extract,
    FileFormat,
    Findings,
    Reading,
    not_parquet,
    readings,
)
from kpi_warehouse.landing.refusal import Refusal
from kpi_warehouse.landing.sieve import EveryColumnNeeded, Sieve

_SCHEMA_FILE = "_schema.parquet"
# with suffixes, a longer name would not fit into a file system's 255 bytes
_MAX_NAME_BYTES = 200
_CELL_SEPARATOR = "\x1f"

Say = Callable[[str], None]


@dataclass(frozen=True)
class LandingReport:
    """What one landing did: file names by what happened to them, and the rows of all files.

    `record_count` = `row_count` + rejected + excluded rows, over the files that were not refused.
    """

    read: tuple[str, ...]
    unchanged: tuple[str, ...]
    removed: tuple[str, ...]
    unknown: tuple[str, ...]
    refused: tuple[str, ...]
    row_count: int
    record_count: int
    findings: FindingCounts

    @property
    def landed_any(self) -> bool:
        """Whether any file could be read."""
        return len(self.refused) < len(self.read) + len(self.unchanged)


def land(
    extracts_dir: Path,
    landing_dir: Path,
    layouts: Sequence[ObjectLayout],
    say: Say,
    sample_as_of: date | None = None,
    memory_limit: str = "4GB",
    conventions: Conventions | None = None,
) -> LandingReport:
    """Bring `landing_dir` in line with `extracts_dir`.

    Writes `<system>/<object>/<file>.parquet` per input and `_schema.parquet`, without rows, per
    object: the object's columns as text, `_file_name` (relative to the extracts),
    `_row_number` (1 is the first record after the header, bad ones count) and `_file_hash`
    (SHA-256 of the input); `_row_findings/<system>/<object>/<file>.parquet` per input of which
    there is something to say. Also `_files/files.parquet`, one row per input, and
    `_context/context.parquet` with the sample's as_of_date. An input is read if its size, time
    or interface changed and its hash confirms it. Every file is replaced as a whole and entered
    into the manifest afterwards, so that an interrupted run is taken up by the next one.

    A file that cannot be understood at all is refused: nothing of it is landed, nothing of
    before is left. Raises UserError if there is no file, or memory does not suffice.
    """
    conventions = conventions or project_conventions()
    files, unknown = find_files(extracts_dir, layouts)
    for name in unknown:
        say(f"warning: {name} is of no known object or format and is not read")
    for layout in layouts:
        _object_dir(landing_dir, layout).mkdir(parents=True, exist_ok=True)
    _remove_leftovers(landing_dir)

    manifest_path = landing_dir / "manifest.json"
    manifest = load_manifest(manifest_path)
    read, unchanged = [], []
    with _connected(landing_dir, memory_limit) as connection:
        lander = _Lander(connection, landing_dir, conventions)
        for file in files:
            entry = lander.still_valid(file, manifest.get(file.name))
            if entry:
                unchanged.append(file.name)
                manifest[file.name] = entry
            else:
                # while the Parquet file is replaced, the manifest must not vouch for it
                if manifest.pop(file.name, None):
                    save_manifest(manifest_path, manifest)
                started = time.monotonic()
                manifest[file.name] = entry = lander.land(file)
                save_manifest(manifest_path, manifest)
                read.append(file.name)
                if not entry.refusal:
                    seconds = time.monotonic() - started
                    say(f"  read {file.name}: {entry.row_count:,} rows, {seconds:.1f} s")
            for line in _remarks(file.name, entry):
                say(line)
        for layout in layouts:
            _write_schema_file(connection, layout, landing_dir)

    names = {file.name for file in files}
    removed = sorted(manifest.keys() - names)
    manifest = {name: entry for name, entry in manifest.items() if name in names}
    _remove_stale_files(landing_dir, layouts, files)
    _write_table(landing_dir / "_row_findings" / _SCHEMA_FILE, SCHEMA.empty_table())
    _write_table(landing_dir / "_files" / "files.parquet", _files_table(files, manifest))
    _write_table(landing_dir / "_context" / "context.parquet", _context_table(sample_as_of))
    save_manifest(manifest_path, manifest)

    report = LandingReport(
        read=tuple(read),
        unchanged=tuple(unchanged),
        removed=tuple(removed),
        unknown=tuple(unknown),
        refused=tuple(sorted(name for name, entry in manifest.items() if entry.refusal)),
        row_count=sum(entry.row_count for entry in manifest.values()),
        record_count=sum(entry.record_count or 0 for entry in manifest.values()),
        findings=sum((entry.findings for entry in manifest.values()), NO_FINDINGS),
    )
    say(_last_line(report))
    return report


class _Lander:
    """Lands single files."""

    def __init__(
        self,
        connection: duckdb.DuckDBPyConnection,
        landing_dir: Path,
        conventions: Conventions,
    ) -> None:
        self._connection = connection
        self._landing_dir = landing_dir
        self._conventions = conventions

    def still_valid(self, file: SourceFile, entry: LandedFile | None) -> LandedFile | None:
        """The manifest's entry, brought up to date, if the file need not be read again."""
        if (
            not entry
            or entry.interface != self._conventions.fingerprint(file.layout)
            or _size_of(_landed_path(self._landing_dir, file)) != entry.landed_size
            or _size_of(_findings_path(self._landing_dir, file)) != entry.findings_size
        ):
            return None
        try:
            status = file.path.stat()
            if (status.st_size, status.st_mtime_ns) == (entry.size, entry.mtime_ns):
                return entry
            if status.st_size != entry.size or encodings.hash_file(file.path) != entry.sha256:
                return None
        except OSError:
            return None
        return replace(entry, mtime_ns=status.st_mtime_ns)

    def land(self, file: SourceFile) -> LandedFile:
        """Read a file and put what came of it in the place of what was there."""
        landed = _landed_path(self._landing_dir, file)
        findings_path = _findings_path(self._landing_dir, file)
        findings_path.parent.mkdir(parents=True, exist_ok=True)
        findings = Findings(partial_path(findings_path), file.layout, file.name)
        try:
            before = file.path.stat()
            entry = LandedFile(
                size=before.st_size,
                mtime_ns=before.st_mtime_ns,
                sha256="",
                interface=self._conventions.fingerprint(file.layout),
            )
        except OSError as error:
            return _refused(LandedFile(-1, -1, "", ""), _unreadable(error))
        landed.unlink(missing_ok=True)
        findings_path.unlink(missing_ok=True)
        try:
            survey = _survey(file)
            entry = replace(entry, sha256=survey.sha256)
            with replacing(landed) as partial:
                entry = self._read(file, survey, findings, partial, entry)
                after = file.path.stat()
                if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
                    raise Refusal(
                        "file_changed_while_read",
                        "changed while it was read",
                        "wait until it is complete and land again",
                    )
        except Refusal as refusal:
            findings.discard()
            return _refused(entry, refusal)
        except OSError as error:
            findings.discard()
            if error.filename is None or Path(error.filename) != file.path:
                raise
            return _refused(entry, _unreadable(error))
        except BaseException:
            findings.discard()
            raise
        if partial_path(findings_path).exists():
            with replacing(findings_path):
                pass
        return replace(entry, landed_size=_size_of(landed), findings_size=_size_of(findings_path))

    def _read(
        self,
        file: SourceFile,
        survey: Survey,
        findings: Findings,
        target: Path,
        entry: LandedFile,
    ) -> LandedFile:
        """Try the readings of a file until one succeeds."""
        with _readable_path(file.path, _spill_dir(self._landing_dir)) as path:
            extract = Extract(
                path=path,
                name=file.name,
                format=file.format,
                layout=file.layout,
                labels=self._conventions.labels,
                survey=survey,
                scratch=_spill_dir(self._landing_dir) / "transcoded",
            )
            _spill_dir(self._landing_dir).mkdir(exist_ok=True)
            try:
                for reading in readings(self._cursor, extract, findings):
                    written = self._try(file, extract, reading, findings, target, survey.sha256)
                    if written is not None:
                        row_count, record_count = written
                        return replace(
                            entry,
                            encoding=reading.encoding,
                            delimiter=reading.delimiter,
                            record_count=record_count,
                            row_count=row_count,
                            findings=findings.writer.counts,
                        )
                    if not extract.needs_every_column or reading.is_numbered:
                        findings.discard()
            except duckdb.Error as error:
                _raise_if_out_of_memory(error, file)
                raise _not_readable(file.format) from error
            finally:
                extract.scratch.unlink(missing_ok=True)
        raise _not_readable(file.format)

    def _try(
        self,
        file: SourceFile,
        extract: Extract,
        reading: Reading,
        findings: Findings,
        target: Path,
        sha256: str,
    ) -> tuple[int, int] | None:
        """Write what a reading gives: rows landed and records read; None if it fails."""
        writer = findings.writer if reading.is_numbered else findings.start()
        sieve = None
        values = self._conventions.formats.for_file(file.layout.system, file.layout.name, file.name)
        try:
            sieve = Sieve(extract, reading, writer)
            connection = self._cursor()
            values.prepare(connection)
            connection.register("good_rows", sieve.batches())
            key = _derived_key(file.layout, reading)
            selected = ", ".join(
                f'{_expression(file.layout, column, key, values)} as "{column}"'
                for column in file.layout.columns
            )
            (row_count,) = connection.execute(
                f"""
                copy (
                    select
                        {selected},
                        cast($name as varchar) as _file_name,
                        _row_number,
                        cast($sha256 as varchar) as _file_hash
                    from good_rows
                ) to $target (format parquet, row_group_size {BATCH_ROWS})
                """,
                {"name": file.name, "sha256": sha256, "target": str(target)},
            ).fetchone()
        except (duckdb.Error, pa.ArrowException, OSError) as error:
            _raise_if_out_of_memory(error, file)
            _raise_if_defect(sieve.error if sieve else None)
            return None
        for column in reading.twice:
            writer.add(COLUMN_TWICE, column_name=column)
        if key and row_count:
            writer.add(KEY_DERIVED, 1, file.layout.key[0], row_count)
        for found in values.findings():
            writer.add(found.rule, found.row_number, found.column_name, found.row_count)
        writer.close()
        return row_count, sieve.record_count

    def _cursor(self) -> duckdb.DuckDBPyConnection:
        cursor = self._connection.cursor()
        cursor.execute("set TimeZone = 'UTC'")
        return cursor


def _survey(file: SourceFile) -> Survey:
    if file.format.is_text:
        return encodings.survey(file.path, file.name)
    size = file.path.stat().st_size
    return Survey(encodings.hash_file(file.path), size, b"", False, False, False, False, True)


def _expression(layout: ObjectLayout, column: str, key: str | None, values: FileValues) -> str:
    source = dict(layout.derived).get(column)
    if source:
        return values.folded("company", f'"{source}"')
    if key and column == layout.key[0]:
        return key
    return values.expression(column, layout.data_type(column), f'"{column}"', "_row_number")


def _derived_key(layout: ObjectLayout, reading: Reading) -> str | None:
    """SQL of the key of a file that has none, from the columns that tell its rows apart."""
    if not layout.key_from or layout.key[0] in reading.columns:
        return None
    parts = [f"""trim("{column}")""" for column in layout.key_from]
    joined = f" || '{_CELL_SEPARATOR}' || ".join(f"coalesce({part}, '')" for part in parts)
    is_empty = " and ".join(f"nullif({part}, '') is null" for part in parts)
    return f"case when not ({is_empty}) then 'report:' || left(sha256({joined}), 32) end"


def _refused(entry: LandedFile, refusal: Refusal) -> LandedFile:
    return replace(
        entry,
        encoding=None,
        delimiter=None,
        record_count=None,
        row_count=0,
        findings=NO_FINDINGS,
        refusal=(refusal.rule, refusal.what, refusal.mend),
    )


def _unreadable(error: OSError) -> Refusal:
    reason = (error.strerror or "input/output error").lower()
    return Refusal("file_not_readable", f"cannot be read ({reason})", "make it readable")


def _not_readable(file_format: FileFormat) -> Refusal:
    if file_format is FileFormat.PARQUET:
        return not_parquet()
    return Refusal(
        "file_not_readable", f"cannot be read as {file_format.value.upper()}", "export it again"
    )


def _raise_if_out_of_memory(error: Exception, file: SourceFile) -> None:
    if isinstance(error, duckdb.OutOfMemoryException) or "Out of Memory" in str(error):
        raise UserError(
            "does not fit into memory", file.path, "raise DUCKDB_MEMORY_LIMIT"
        ) from error


def _raise_if_defect(error: Exception | None) -> None:
    """An error of this program must not pass for one of the file."""
    of_files = (duckdb.Error, pa.ArrowException, OSError, EveryColumnNeeded)
    if error is not None and not isinstance(error, of_files):
        raise error


def _remarks(name: str, entry: LandedFile) -> Iterator[str]:
    refusal = entry.refused_as
    if refusal:
        yield f"  refused {name}: {refusal}"
    elif not entry.findings.is_empty:
        counts = [
            f"{count:,} {rule}{suffix}"
            for found, suffix in (
                (entry.findings.rejected, " rejected"),
                (entry.findings.excluded, " excluded"),
                (entry.findings.kept, ""),
            )
            for rule, count in sorted(found.items())
        ]
        yield f"  {name}: {', '.join(counts)}"


def _last_line(report: LandingReport) -> str:
    file_count = len(report.read) + len(report.unchanged)
    parts = [
        f"landed {file_count - len(report.refused)} files, {report.row_count:,} rows: "
        f"{len(report.read)} read, {len(report.unchanged)} unchanged, {len(report.removed)} removed"
    ]
    if report.refused:
        parts.append(f"{len(report.refused)} refused")
    if report.findings.rejected_rows:
        parts.append(f"{report.findings.rejected_rows:,} rows rejected")
    if report.findings.excluded_rows:
        parts.append(f"{report.findings.excluded_rows:,} lines excluded")
    return ", ".join(parts)


@contextmanager
def _connected(landing_dir: Path, memory_limit: str) -> Iterator[duckdb.DuckDBPyConnection]:
    connection = duckdb.connect()
    try:
        connection.execute("set memory_limit = $limit", {"limit": memory_limit})
        connection.execute("set temp_directory = $path", {"path": str(_spill_dir(landing_dir))})
        connection.execute("set produce_arrow_string_view = true")  # text is handed on uncopied
        yield connection
    finally:
        connection.close()
        shutil.rmtree(_spill_dir(landing_dir), ignore_errors=True)


@contextmanager
def _readable_path(path: Path, spill_dir: Path) -> Iterator[Path]:
    """The path, or a link to it if its name is no UTF-8, which DuckDB does not take."""
    try:
        str(path).encode()
    except UnicodeEncodeError:
        spill_dir.mkdir(exist_ok=True)
        link = spill_dir / "input"
        link.unlink(missing_ok=True)
        link.symlink_to(path)
        try:
            yield link
        finally:
            link.unlink()
    else:
        yield path


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
    entries = [entry for _, entry in rows]
    text = pa.string()
    return pa.table(
        {
            "system": pa.array([file.layout.system for file, _ in rows], text),
            "object": pa.array([file.layout.name for file, _ in rows], text),
            "file_name": pa.array([file.name for file, _ in rows], text),
            "file_hash": pa.array([entry.sha256 for entry in entries], text),
            "status": pa.array(
                ["refused" if entry.refusal else "landed" for entry in entries], text
            ),
            "refusal_rule": pa.array(
                [entry.refusal[0] if entry.refusal else None for entry in entries], text
            ),
            "encoding": pa.array([entry.encoding for entry in entries], text),
            "delimiter": pa.array([entry.delimiter for entry in entries], text),
            "record_count": pa.array([entry.record_count for entry in entries], pa.int64()),
            "row_count": pa.array([entry.row_count for entry in entries], pa.int64()),
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
    kept |= {_findings_path(landing_dir, file) for file in files}
    kept |= {_object_dir(landing_dir, layout) / _SCHEMA_FILE for layout in layouts}
    found = {*landing_dir.glob("*/*/*.parquet"), *landing_dir.glob("_row_findings/*/*/*.parquet")}
    for landed in found - kept:
        landed.unlink()
        if not any(landed.parent.iterdir()):
            landed.parent.rmdir()


def _size_of(path: Path) -> int | None:
    return path.stat().st_size if path.is_file() else None


def _spill_dir(landing_dir: Path) -> Path:
    return landing_dir / "_spill"


def _object_dir(landing_dir: Path, layout: ObjectLayout) -> Path:
    return landing_dir / layout.system / layout.name


def _landed_path(landing_dir: Path, file: SourceFile) -> Path:
    return _object_dir(landing_dir, file.layout) / _parquet_name(file)


def _findings_path(landing_dir: Path, file: SourceFile) -> Path:
    folder = landing_dir / "_row_findings" / file.layout.system / file.layout.name
    return folder / _parquet_name(file)


def _parquet_name(file: SourceFile) -> str:
    name = file.name.split("/", 1)[1]
    raw = file.path.name.encode("utf-8", "surrogateescape")
    if len(name.encode()) > _MAX_NAME_BYTES or name.encode() != raw:
        return f"{hashlib.sha256(raw).hexdigest()}.parquet"
    return f"{name}.parquet"
