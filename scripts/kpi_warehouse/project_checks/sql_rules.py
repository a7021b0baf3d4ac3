"""What SQL may not say: the time of day, and words that only one engine understands."""

from __future__ import annotations

import re
from collections.abc import Iterator

from .project import Node, Project, Violation
from .sql_text import sql_of, without_comments

CLOCK = re.compile(
    r"\b(?:now|today|getdate|sysdate|curdate|utcnow|get_current_timestamp|clock_timestamp"
    r"|statement_timestamp|transaction_timestamp|unix_timestamp)\s*\(\s*\)"
    r"|\b(?:current_date|current_timestamp|current_time|current_localtimestamp|localtimestamp"
    r"|run_started_at)\b",
    re.IGNORECASE,
)
# macros that read the clock, and why
READS_CLOCK: dict[str, str] = {
    "as_of_date": "the one place: nothing set and nothing landed says what today is",
}
# what one engine or another of DuckDB, PostgreSQL and Spark does not take -> what to write
NON_PORTABLE = {
    r"\bqualify\b": "row_number() in a CTE",
    r"::": "cast(… as …)",
    r"\*\s*(?:exclude|replace|except)\b|\bexclude\s*\(": "the list of columns",
    r"\bgroup\s+by\s+all\b|\border\s+by\s+all\b": "the names",
    r"\bdistinct\s+on\b": "row_number() in a CTE",
    r"\b(?:max_by|min_by|arg_max|arg_min)\s*\(": "row_number() in a CTE",
    r"\b(?:list|array_agg|string_agg|listagg|group_concat)\s*\(": "the macro list_agg",
    r"\b(?:unnest|explode|generate_series|range|sequence)\s*\(": "a macro of macros/engine",
    r"\btry_cast\s*\(": "the macro try_cast",
    r"\b(?:median|quantile\w*|percentile\w*)\s*\(": "a macro of macros/engine",
    r"\b(?:date_diff|datediff|date_add|dateadd|date_part|datepart)\s*\(": (
        "dbt.datediff, dbt.dateadd"
    ),
    r"\bextract\s*\(\s*(?:dow|isodow|doy|isoyear|epoch)\b|\b(?:dayofweek|isodow|weekday)\s*\(": (
        "a macro of macros/engine"
    ),
    r"\b(?:epoch\w*|strftime|strptime|date_format|to_char|to_timestamp)\s*\(": (
        "a macro of macros/engine"
    ),
    r"\bregexp_\w+\s*\(|\s!?~\*?\s": "a macro of macros/engine",
    r"\bat\s+time\s+zone\b|\btimezone\s*\(": "the macro business_date",
    r"\b(?:ifnull|nvl|if|iif)\s*\(": "coalesce or case",
    r"\b(?:asof|semi|anti|positional)\s+join\b": "exists, or a join on a ranked CTE",
    r"\bunion\s+(?:all\s+)?by\s+name\b": "the columns in one order",
    r"\bpivot\b|\bcolumns\s*\(": "sum(…) filter (where …)",
    r"\s//\s": "floor(… / …)",
    r"\bas\s+(?:varchar|text|string|double|float)\s*\)": "dbt.type_string(), or a decimal",
    r"\bany_value\s*\(": "dbt.any_value",
}
NON_PORTABLE_RULES = [
    (re.compile(pattern, re.IGNORECASE), instead) for pattern, instead in NON_PORTABLE.items()
]
TARGET = re.compile(r"\btarget\s*\.\s*\w+|\badapter\s*\.\s*type\b")


def nothing_reads_the_clock(project: Project) -> Iterator[Violation]:
    """The only "today" is the as-of date (R17), so that any past state can be rebuilt."""
    for name, template in [*_templates(project, "model", "test"), *_macros(project)]:
        if name in READS_CLOCK:
            continue
        for match in CLOCK.finditer(without_comments(template)):
            yield Violation(
                "nothing_reads_the_clock",
                name,
                f"says {match.group().strip()}: use the macro as_of_date",
            )


def sql_is_portable(project: Project) -> Iterator[Violation]:
    """Models run on every engine; what differs lies behind a macro of macros/engine."""
    for name, template in [
        *_templates(project, "model", "test"),
        *_macros(project, besides="macros/engine/"),
    ]:
        text = sql_of(template)
        for pattern, instead in NON_PORTABLE_RULES:
            for found in sorted({match.group().strip() for match in pattern.finditer(text)}):
                yield Violation("sql_is_portable", name, f"says {found!r}: write {instead}")


def models_ignore_the_target(project: Project) -> Iterator[Violation]:
    """A model does not ask which engine it runs on; a dispatched macro does."""
    for name, template in _templates(project, "model"):
        for match in TARGET.finditer(without_comments(template)):
            yield Violation(
                "models_ignore_the_target",
                name,
                f"says {match.group()}: use a dispatched macro of macros/engine",
            )


def _templates(project: Project, *resource_types: str) -> Iterator[tuple[str, str]]:
    """Yield name and text of what is written by hand; generic tests are macros."""
    for node in project.nodes(*resource_types):
        if not node.get("test_metadata"):
            yield node["name"], node["raw_code"]


def _macros(project: Project, besides: str | None = None) -> Iterator[tuple[str, str]]:
    """Yield name and text of the macros, besides those in one folder."""
    for macro in project.macros():
        if besides is None or not _in_folder(macro, besides):
            yield macro["name"], macro["macro_sql"]


def _in_folder(macro: Node, folder: str) -> bool:
    return macro["original_file_path"].replace("\\", "/").startswith(folder)
