"""What is landed: a JSON file that says for each input which Parquet file came of it."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

_FORMAT = 1


@dataclass(frozen=True)
class LandedFile:
    """One input as it was when it was read, and the size of what came of it."""

    size: int
    mtime_ns: int
    sha256: str
    interface: str
    row_count: int
    landed_size: int


Manifest = dict[str, LandedFile]


def load_manifest(path: Path) -> Manifest:
    """The landed files by input name; empty if there is no manifest or it cannot be read."""
    try:
        content = json.loads(path.read_text("utf-8"))
        if content["format"] != _FORMAT:
            return {}
        return {name: LandedFile(**entry) for name, entry in content["files"].items()}
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
    partial = path.with_name(f"{path.name}.partial")
    try:
        yield partial
        with partial.open("rb+") as stream:
            os.fsync(stream.fileno())
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)
