"""What a test needs beside the project: without it, skipped by users and failed in CI."""

from __future__ import annotations

import importlib.util
import os
from typing import NoReturn

import pytest

IN_CI = os.environ.get("CI", "").lower() in ("1", "true")


def absent(reason: str) -> NoReturn:
    """Skip on a user's machine, fail in CI."""
    if IN_CI:
        pytest.fail(f"{reason} (CI has to have it)")
    pytest.skip(reason)


def needs(module: str) -> None:
    """Skip without a package of the optional groups; in CI that is a failure."""
    if importlib.util.find_spec(module.partition(".")[0]) is None:
        absent(f"{module} is not installed; make env-quality installs it")
