"""Compiled SQL as what it says: without comments and layout, and cut down to one measure.

The tokenizer is the project's own and small on purpose: a fingerprint must not change because
a library was upgraded.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

TOKEN = re.compile(
    r"""
    (?P<comment> --[^\n]* | /\*.*?\*/ )
    | (?P<quoted> '(?:[^']|'')*' | "(?:[^"]|"")*" )
    | (?P<word> \w+ (?: (?<=\d) \.\d+ )? )
    | (?P<operator> <> | <= | >= | != | \|\| | :: )
    | (?P<other> \S )
    """,
    re.VERBOSE | re.DOTALL,
)
# what the columns are called that the macro daily_measures has beside that of each measure
PARTS_OF_A_MEASURE = ("_same_month", "_no_cohort")
# tokens, and in the place of parentheses a list of what stands between them
Nodes = list[Any]


def tokens(sql: str) -> list[str]:
    """The words, literals and signs of a statement: comments and blanks out, case folded.

    What stands in quotes stays as it is.
    """
    found = []
    for match in TOKEN.finditer(sql):
        if match.lastgroup != "comment":
            text = match.group()
            found.append(text if match.lastgroup == "quoted" else text.lower())
    return found


def with_relations(found: list[str], relations: Mapping[tuple[str, ...], str]) -> list[str]:
    """Write `@name` for each relation, so that database and schema do not count.

    `relations`: the relation as tokens -> its name.
    """
    lengths = sorted({len(key) for key in relations}, reverse=True)
    result = []
    position = 0
    while position < len(found):
        for length in lengths:
            if name := relations.get(tuple(found[position : position + length])):
                result.append(f"@{name}")
                position += length
                break
        else:
            result.append(found[position])
            position += 1
    return result


def digest(text: str, length: int = 16) -> str:
    """The first hexadecimal digits of the SHA-256 of a text."""
    return hashlib.sha256(text.encode()).hexdigest()[:length]


def measures_in(found: list[str]) -> list[str]:
    """The measures that a statement computes, each once: the literals named measure_id."""
    return literals_named(found, "measure_id")


def distributions_in(found: list[str]) -> list[str]:
    """The distributions that a statement observes: the literals named distribution_id."""
    return literals_named(found, "distribution_id")


def literals_named(found: list[str], column: str) -> list[str]:
    """The literals that a statement selects under this name, each once."""
    return list(
        dict.fromkeys(
            first.strip("'")
            for first, second, third in zip(found, found[1:], found[2:], strict=False)
            if first.startswith("'") and (second, third) == ("as", column)
        )
    )


def only_measure(found: list[str], measure_id: str) -> list[str]:
    """What of a statement decides one of its measures.

    Left out are the selected columns named like other measures or parts of them, the parts of a
    union that compute other measures, and the CTEs that nothing refers to then.
    """
    others = set(measures_in(found)) - {measure_id}
    others |= {other + part for other in others for part in PARTS_OF_A_MEASURE}
    kept = _restrict(_tree(found), others, set())
    return list(_flat(kept or []))


def only_distribution(found: list[str], distribution_id: str) -> list[str]:
    """The same for one of the distributions of a statement."""
    kept = _restrict(_tree(found), set(distributions_in(found)) - {distribution_id}, set())
    return list(_flat(kept or []))


def without_relations(found: list[str], relations: Iterable[str]) -> list[str]:
    """A statement without the parts of its unions that read one of these relations."""
    kept = _restrict(_tree(found), set(), {f"@{name}" for name in relations})
    return list(_flat(kept or []))


def _restrict(query: Nodes, others: set[str], relations: set[str]) -> Nodes | None:
    """A query without what concerns others; None if it concerns nothing else."""
    if not query or query[0] not in ("with", "select"):
        # an expression: only the queries inside it are cut down
        return [
            _restrict(node, others, relations) or [] if isinstance(node, list) else node
            for node in query
        ]
    ctes, body = _split_ctes(query)
    left: list[tuple[Nodes, Nodes]] = []
    gone: set[str] = set()
    for head, inner in ctes:
        restricted = _restrict(inner, others, relations)
        if restricted is None:
            gone.add(_name_of(head))
        else:
            left.append((head, restricted))
    parts = []
    for part in _split(body, "union"):
        restricted = _restrict_part(part, others, relations | gone)
        if restricted is not None:
            parts.append(restricted)
    if not parts:
        return None
    united = _united(parts)
    used = set(_flat(united))
    needed: list[tuple[Nodes, Nodes]] = []
    for head, inner in reversed(left):
        if _name_of(head) in used:
            used |= set(_flat(inner))
            needed.insert(0, (head, inner))
    result: Nodes = []
    for head, inner in needed:
        result += ["," if result else "with", *head, inner]
    return result + united


def _restrict_part(part: Nodes, others: set[str], relations: set[str]) -> Nodes | None:
    """One part of a union; None if it computes another measure or reads what is gone."""
    words = [node if isinstance(node, str) else "()" for node in part]
    computed = {*measures_in(words), *distributions_in(words)}
    if computed & others or set(words) & relations:
        return None
    result: Nodes = []
    for node in _without_columns(part, others):
        if isinstance(node, list):
            restricted = _restrict(node, others, relations)
            if restricted is None:
                return None
            result.append(restricted)
        else:
            result.append(node)
    return result


def _without_columns(part: Nodes, columns: set[str]) -> Nodes:
    """A select without the columns of these names."""
    start = next((index + 1 for index, node in enumerate(part) if node == "select"), None)
    if start is None:
        return part
    end = next((index for index, node in enumerate(part) if node == "from"), len(part))
    kept: Nodes = []
    for item in _split(part[start:end], ","):
        named = len(item) > 2 and item[-2] == "as" and isinstance(item[-1], str)
        if not (named and item[-1] in columns):
            kept += [",", *item] if kept else item
    return [*part[:start], *kept, *part[end:]]


def _split_ctes(query: Nodes) -> tuple[list[tuple[Nodes, Nodes]], Nodes]:
    """The CTEs of a query, each as what stands before its parenthesis and in it; the rest."""
    found: list[tuple[Nodes, Nodes]] = []
    if query[0] != "with":
        return found, query
    position = 1
    while True:
        opening = next(
            index
            for index in range(position, len(query))
            if isinstance(query[index], list) and query[index - 1] in ("as", "materialized")
        )
        found.append((query[position:opening], query[opening]))
        if opening + 1 >= len(query) or query[opening + 1] != ",":
            return found, query[opening + 1 :]
        position = opening + 2


def _name_of(head: Nodes) -> str:
    return head[1] if head[0] == "recursive" else head[0]


def _split(nodes: Nodes, separator: str) -> list[Nodes]:
    parts: list[Nodes] = [[]]
    for node in nodes:
        if node == separator:
            parts.append([])
        else:
            parts[-1].append(node)
    return parts


def _united(parts: list[Nodes]) -> Nodes:
    """Parts of a union as one; `all` stands at the head of each part that was not the first."""
    first, *others = parts
    result = first[1:] if first and first[0] == "all" else first
    for part in others:
        result = [*result, "union", *part]
    return result


def _tree(found: list[str]) -> Nodes:
    """Tokens with what stands in parentheses as lists."""
    stack: list[Nodes] = [[]]
    for token in found:
        if token == "(":  # noqa: S105 - a parenthesis, no password
            stack.append([])
        elif token == ")" and len(stack) > 1:  # noqa: S105
            inner = stack.pop()
            stack[-1].append(inner)
        else:
            stack[-1].append(token)
    while len(stack) > 1:
        inner = stack.pop()
        stack[-1].append(inner)
    return stack[0]


def _flat(nodes: Nodes) -> Iterator[str]:
    for node in nodes:
        if isinstance(node, list):
            yield "("
            yield from _flat(node)
            yield ")"
        else:
            yield node
