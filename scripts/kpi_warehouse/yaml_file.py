"""Read a YAML file of the project."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

# libyaml reads ten times as fast as the same in Python, which counts with a hundred files
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def read_yaml(path: Path) -> Any:
    """Return what the file says. Raises yaml.YAMLError if it is no YAML."""
    # both loaders are the safe ones
    return yaml.load(path.read_text(encoding="utf-8"), _LOADER)  # noqa: S506
