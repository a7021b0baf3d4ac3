"""Check the project's rules; exit code 1 if one is broken, 2 if there is nothing to check."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from kpi_warehouse.errors import UserError
from kpi_warehouse.project_checks import Project, ProjectError, violations

ROOT = Path(__file__).resolve().parent.parent


def main(arguments: list[str] | None = None) -> int:
    """Print what breaks a rule, one line each, and return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--root", type=Path, default=ROOT, help="the project's folder")
    parser.add_argument(
        "--manifest",
        type=Path,
        help="a manifest that this command has written before; default: compile the project",
    )
    options = parser.parse_args(arguments)
    try:
        if options.manifest:
            project = Project.read(options.root, options.manifest)
        else:
            project = Project.compile(options.root)
        found = violations(project)
    except (ProjectError, UserError) as error:
        print(error, file=sys.stderr)
        return 2
    for violation in found:
        print(violation)
    print(f"{len(found)} violations" if found else "no violations", file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
