"""What is landed: a JSON file that says for each input which Parquet files came of it."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from kpi_warehouse.landing.findings import NO_FINDINGS, FindingCounts
from kpi_warehouse.landing.refusal import Refusal

_FORMAT = 2


@dataclass(frozen=True)
class LandedFile:
    """One input as it was when it was read, and what came of it.

    A file that was refused has a `refusal` (rule, what, mend) and nothing landed. The sizes are
    those of the Parquet files, None where there is none.
    """

    size: int
    mtime_ns: int
    sha256: str
    interface: str
    encoding: str | None = None
    delimiter: str | None = None
    record_count: int | None = None
    row_count: int = 0
    landed_size: int | None = None
    findings_size: int | None = None
    findings: FindingCounts = NO_FINDINGS
    refusal: tuple[str, str, str] | None = None

    @property
    def refused_as(self) -> Refusal | None:
        """Why the file was refused."""
        return Refusal(*self.refusal) if self.refusal else None


Manifest = dict[str, LandedFile]


def load_manifest(path: Path) -> Manifest:
    """The landed files by input name; empty if there is no manifest or it cannot be read."""
    try:
        content = json.loads(path.read_text("utf-8"))
        if content["format"] != _FORMAT:
            return {}
        return {name: _entry(entry) for name, entry in content["files"].items()}
    except (FileNotFoundError, ValueError, KeyError, TypeError, AttributeError):
        return {}


def save_manifest(path: Path, manifest: Manifest) -> None:
    """Replace the manifest, all or nothing."""
    files = {name: asdict(entry) for name, entry in sorted(manifest.items())}
    with replacing(path) as partial:
        content = {"format": _FORMAT, "files": files}
        partial.write_text(json.dumps(content, ensure_ascii=False, indent=1), "utf-8")


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A temporary path that takes the place of `path`, safely on disk, if the block succeeds."""
    partial = partial_path(path)
    try:
        yield partial
        with partial.open("rb+") as stream:
            os.fsync(stream.fileno())
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)


def partial_path(path: Path) -> Path:
    """Where a file is written before it takes its place."""
    return path.with_name(f"{path.name}.partial")


def _entry(content: dict) -> LandedFile:
    refusal = content.pop("refusal")
    return LandedFile(
        **{
            **content,
            "findings": FindingCounts(**content["findings"]),
            "refusal": tuple(refusal) if refusal else None,
        }
    )
