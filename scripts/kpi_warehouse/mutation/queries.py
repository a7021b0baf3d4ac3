"""Queries as trees: read, brought to one form, and changed at one place."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice

import sqlglot
from sqlglot import exp

from kpi_warehouse.mutation.sql_rules import SQL_RULES, Context

DIALECT = "duckdb"
_DATE = re.compile(r"'\d{4}-\d{2}-\d{2}'")
_TOKEN = re.compile(r"'[^']*'|\w+|\s+|.", re.DOTALL)
_SHOWN = 110


@dataclass(frozen=True)
class Place:
    """Where and how a query is changed: rule, position of the node, number of the replacement."""

    rule: str
    node: int
    replacement: int


@dataclass(frozen=True)
class Change:
    """A change of a query, and what tells it from others without saying where it stands.

    Attributes:
        place: Where it is.
        cte: Names of the CTEs it is in, outermost first.
        text: What stood there and what stands there now.
        digest: Of the text and the clause around it; dates are left out, as they are the as-of
            date of one build.
    """

    place: Place
    cte: str
    text: str
    digest: str


def parse(sql: str) -> exp.Expression:
    """A query as a tree; tables by schema and name, without their database."""
    tree = sqlglot.parse_one(sql, read=DIALECT)
    for table in tree.find_all(exp.Table):
        table.set("catalog", None)
    return tree


def write(tree: exp.Expression) -> str:
    """The query of a tree, without comments."""
    return tree.sql(dialect=DIALECT, comments=False)


def shape(tree: exp.Expression) -> tuple[str, ...]:
    """The kinds of its nodes: what two queries share that differ in names and constants only."""
    return tuple(type(node).__name__ for node in nodes_of(tree))


def nodes_of(tree: exp.Expression) -> list[exp.Expression]:
    """All nodes in one order."""
    return list(tree.walk(bfs=False))


def plant(tree: exp.Expression, place: Place, context: Context) -> exp.Expression:
    """A copy of the tree with the change in it; `context` is that of the model's own query."""
    planted = tree.copy()
    node = nodes_of(planted)[place.node]
    replacements = SQL_RULES[place.rule](node, context)
    replacement = next(islice(replacements, place.replacement, None))
    if replacement is None:
        node.pop()
    elif node is planted:
        return replacement
    else:
        node.replace(replacement)
    return planted


def changes(tree: exp.Expression) -> Iterator[Change]:
    """Every change of the tree that the rules allow, in the order of its nodes."""
    context = Context.of(tree)
    for position, node in enumerate(nodes_of(tree)):
        if _only_orders_a_text(node):
            continue
        for name, rule in SQL_RULES.items():
            for number, replacement in enumerate(rule(node, context)):
                before = write(node)
                after = write(replacement) if replacement is not None else ""
                if before != after:
                    yield _change(node, Place(name, position, number), before, after)


def _only_orders_a_text(node: exp.Expression) -> bool:
    """Whether it says in which order the parts of a text stand, not what is counted."""
    ordered = node if isinstance(node, exp.Ordered) else node.find_ancestor(exp.Ordered)
    return ordered is not None and isinstance(ordered.parent.parent, exp.GroupConcat)


def _change(node: exp.Expression, place: Place, before: str, after: str) -> Change:
    gone, come = _difference(before, after)
    clause = _clause(node)
    around = write(clause) if clause is not None else ""
    told = "|".join((around, gone, come))
    digest = hashlib.sha256(_DATE.sub("''", told).encode()).hexdigest()[:8]
    ctes = [cte.alias for cte in _ancestors(node) if isinstance(cte, exp.CTE)]
    if len(before) <= _SHOWN and len(after) <= _SHOWN:
        gone, come = before, after
    return Change(place, ".".join(reversed(ctes)) or "query", _shown(gone, come), digest)


def _ancestors(node: exp.Expression | None) -> Iterator[exp.Expression]:
    while node is not None:
        yield node
        node = node.parent


def _clause(node: exp.Expression) -> exp.Expression | None:
    """The column, join or condition of a select that the node is part of."""
    for ancestor in _ancestors(node):
        if isinstance(ancestor, exp.Query | exp.CTE):
            return None
        if isinstance(ancestor.parent, exp.Select):
            return ancestor
    return None


def _difference(before: str, after: str) -> tuple[str, str]:
    """What only one of the two has, less what both begin and end with."""
    old, new = _TOKEN.findall(before), _TOKEN.findall(after)
    start = 0
    while start < min(len(old), len(new)) and old[start] == new[start]:
        start += 1
    end = 0
    while end < min(len(old), len(new)) - start and old[-1 - end] == new[-1 - end]:
        end += 1
    cut = slice(start, -end if end else None)
    return "".join(old[cut]).strip(), "".join(new[cut]).strip()


def _shown(gone: str, come: str) -> str:
    return f"{_short(gone) or 'nothing'} → {_short(come) or 'nothing'}"


def _short(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…"


def rename_tables(tree: exp.Expression, names: Mapping[str, tuple[str | None, str]]) -> None:
    """Rename tables in place: from their written name to schema and name."""
    for table in list(tree.find_all(exp.Table)):
        written = f"{table.db}.{table.name}" if table.db else table.name
        if renamed := names.get(written):
            schema, name = renamed
            parts = {"this": exp.to_identifier(name, quoted=True)}
            if schema:
                parts["db"] = exp.to_identifier(schema, quoted=True)
            # a new one, as the order of the parts is that of the nodes
            others = {key: value for key, value in table.args.items() if key not in ("this", "db")}
            table.replace(exp.Table(**parts, **others))
