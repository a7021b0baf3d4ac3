"""One path under which every world is built, so that dbt parses the project once per process.

dbt uses what it parsed before only if the warehouse has the same path as then.
"""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

_PARSED = Path("dbt", "target", "partial_parse.msgpack")
_root = tempfile.TemporaryDirectory(prefix="workbench-")
_bench = Path(_root.name) / "world"


def put_on_workbench(folder: Path) -> Path:
    """Make the one path mean this folder, until it is another's turn.

    The folder gets what dbt made of the project for the folder before it. Returns the path.
    """
    if _bench.is_symlink():
        parsed = _bench / _PARSED
        if parsed.exists() and not (folder / _PARSED).exists():
            (folder / _PARSED).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(parsed, folder / _PARSED)
        _bench.unlink()
    _bench.symlink_to(folder, target_is_directory=True)
    return _bench
