"""Where things go: the tree alone should say it, so nothing stands in it that no guide names."""

from __future__ import annotations

from collections.abc import Iterator

from .project import Project, Violation

# folder -> what may stand in it
LAYOUT = {
    ".": {
        ".ci",
        ".editorconfig",
        ".git",
        ".gitattributes",
        ".github",
        ".gitignore",
        ".sqlfluff",
        ".sqlfluffignore",
        "CHANGELOG.md",
        "CONTRIBUTING.md",
        "LICENSE",
        "Makefile",
        "README.md",
        "dashboard",
        "dbt_project.yml",
        "docs",
        "macros",
        "models",
        "profiles",
        "profiles.yml",
        "pyproject.toml",
        "requirements-dashboard.lock",
        "requirements-postgres.lock",
        "requirements-quality.lock",
        "requirements.lock",
        "scripts",
        "seeds",
        "tests",
    },
    "models": {"exposures", "intermediate", "marts", "semantic", "staging"},
    "seeds": {"calendar", "mappings", "registry", "sources"},
}
# what commands leave behind; never committed
GENERATED = {
    ".coverage",
    ".hypothesis",
    ".pytest_cache",
    ".ruff_cache",
    ".user.yml",
    ".venv",
    "data",
    "logs",
    "target",
}


def layout_is_known(project: Project) -> Iterator[Violation]:
    """The top of the project, of models/ and of seeds/ holds what its guide names, no more."""
    for folder, known in LAYOUT.items():
        allowed = known | GENERATED if folder == "." else known
        for entry in sorted((project.root / folder).iterdir()):
            if entry.name not in allowed:
                yield Violation(
                    "layout_is_known",
                    entry.relative_to(project.root).as_posix(),
                    "is not part of the layout: move it to the place for its kind, "
                    "or add it to LAYOUT",
                )
