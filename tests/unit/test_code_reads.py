"""Which tables a piece of Python names: its own, and those of what it imports."""

from __future__ import annotations

import textwrap
from pathlib import Path

import pytest

from kpi_warehouse.project_checks.code_reads import named_in, reads_of

SUMMARY = '''
    """Not marts.in_a_docstring."""
    from kpi_warehouse.published import check, other

    FINDINGS = "marts.data_quality_findings"  # not marts.in_a_comment

    def read_findings(connection):
        """Nor marts.in_a_docstring."""
        check(connection)
        return connection.execute(_query())

    def _query():
        return f"select * from {FINDINGS}"

    def read_accounts(connection):
        return connection.execute("from marts.row_account")
'''
PUBLISHED = """
    def check(connection):
        connection.execute("from marts.kpi_by_period")

    def other(connection):
        connection.execute("from seeds.measures")
"""


class Scripts:
    """A folder with a package."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.file("summary.py", SUMMARY)
        self.file("published.py", PUBLISHED)

    def file(self, path: str, code: str) -> Path:
        target = self.folder / "kpi_warehouse" / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(textwrap.dedent(code), "utf-8")
        return target

    def reads(self, code: str, path: str = "page/app.py") -> set[str]:
        return set(reads_of([self.file(path, code)], self.folder).relations)


@pytest.fixture
def scripts(tmp_path: Path) -> Scripts:
    return Scripts(tmp_path)


def test_a_file_names_what_its_texts_name(scripts):
    file = scripts.file("summary.py", SUMMARY)
    assert named_in(file) == {"marts.data_quality_findings", "marts.row_account"}


def test_an_imported_function_counts_with_what_it_names(scripts):
    assert scripts.reads("from kpi_warehouse.summary import read_findings") == {
        "marts.data_quality_findings",
        "marts.kpi_by_period",
    }
    assert scripts.reads("from kpi_warehouse.summary import read_accounts as read") == {
        "marts.row_account"
    }


@pytest.mark.parametrize(
    "code", ["from kpi_warehouse import summary", "import kpi_warehouse.summary"]
)
def test_an_imported_module_counts_as_a_whole(scripts, code):
    assert scripts.reads(code) == {
        "marts.data_quality_findings",
        "marts.row_account",
        "marts.kpi_by_period",
        "seeds.measures",
    }


def test_what_a_package_hands_on_is_followed(scripts):
    scripts.file("parts/__init__.py", "from kpi_warehouse.summary import read_accounts, FINDINGS")
    assert scripts.reads("from kpi_warehouse.parts import FINDINGS") == {
        "marts.data_quality_findings"
    }


def test_an_import_within_a_function_counts(scripts):
    code = """
        def show():
            from kpi_warehouse.published import other
            other()
    """
    assert scripts.reads(code) == {"seeds.measures"}


def test_circles_end_and_other_packages_are_left_alone(scripts):
    scripts.file("a.py", "from kpi_warehouse.b import B\nA = 'marts.a' + B")
    scripts.file("b.py", "import duckdb\nfrom kpi_warehouse.a import A\nB = A or 'marts.b'")
    assert scripts.reads("from kpi_warehouse.a import A") == {"marts.a", "marts.b"}


@pytest.mark.parametrize(
    "code",
    [
        "sql = f'select * from marts.{table}'",
        "sql = f'select * from marts.\"{table}\"'",
        "sql = 'select * from marts.' + table",
        "sql = 'select * from marts.{table}'.format(table=table)",
        "sql = 'select * from marts.%s' % table",
    ],
)
def test_a_name_that_is_put_together_is_said(scripts, code):
    file = scripts.file("page/app.py", code)
    assert reads_of([file], scripts.folder).unfinished == {file}


@pytest.mark.parametrize("code", ["say('Read from the marts.')", "x = f'marts.fct_leads {y}'"])
def test_other_texts_are_not_taken_for_it(scripts, code):
    assert not reads_of([scripts.file("page/app.py", code)], scripts.folder).unfinished
