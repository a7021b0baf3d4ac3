"""The known code that an unknown one most likely is a variant of, or none: never a guess."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass, replace

from kpi_warehouse.mapping_proposals.text import fold, words

# Below these lengths a word is contained in too much that has nothing to do with it.
_SHORTEST_LATIN = 4
_SHORTEST_OTHER = 2
# How much of a code, digits apart, a known one must make up to say what it means.
_LEAST_SHARE = 0.4
# Shorter codes that differ by a character are different words; from the second length on, two
# characters may differ.
_SHORTEST_MISSPELT = 5
_TWO_EDITS_FROM = 10
# A code may say which field it stands in: task.type=demo is compared with codes of that field only.
_FIELD = re.compile(r"([a-z_]+\.[a-z_]+=)(.+)", re.DOTALL)
_NEGATIONS = re.compile(
    r"\b(?:no|not|non|never|without|un|dis|in|im)(?=\b|[a-z])|n't\b"
    r"|[未不非無否失断]|なし|ない|無し|せず|できず|ならず|キャンセル|中止|取消|\bng\b"
)


@dataclass(frozen=True)
class Near:
    """A known code that is near, what it means, and in words why it is near."""

    code: str
    target: Hashable
    why: str


def nearest(code: str, known: Mapping[str, Hashable]) -> Near | None:
    """The known code nearest to `code`, of a mapping from known codes to their targets.

    In this order: the same but for width, case, blanks and punctuation; a slip of the keyboard;
    one contained in the other. None if nothing is near, or what is near has several targets, or
    a negation stands in one of the two only.
    """
    if field := _FIELD.fullmatch(code):
        prefix, rest = field.groups()
        of_field = {
            each.removeprefix(prefix): target
            for each, target in known.items()
            if each.startswith(prefix)
        }
        near = nearest(rest, of_field)
        return near and replace(near, code=prefix + near.code)
    negations = _negations(code)
    for find, why in (
        (_same, "is the same but for width, case, blanks or punctuation"),
        (_misspelt, "is spelt almost the same"),
        (_contained, "is part of it"),
        (_containing, "contains it"),
    ):
        found = find(code, known)
        # what means the opposite is no candidate, but it speaks against one
        agreeing = [each for each in found if _negations(each) == negations]
        if agreeing and len({known[each] for each in found}) == 1:
            best = min(agreeing, key=lambda each: (abs(len(each) - len(code)), each))
            return Near(best, known[best], why)
        if found:
            return None
    return None


def edit_distance(one: str, other: str) -> int:
    """How many characters to insert, delete or replace to make one text of the other."""
    row = list(range(len(other) + 1))
    for index, char in enumerate(one, start=1):
        above, row = row, [index]
        for column, target in enumerate(other, start=1):
            row.append(min(row[-1] + 1, above[column] + 1, above[column - 1] + (char != target)))
    return row[-1]


def _same(code: str, known: Iterable[str]) -> list[str]:
    folded = fold(code)
    return [each for each in known if fold(each) == folded]


def _misspelt(code: str, known: Iterable[str]) -> list[str]:
    folded = fold(code)
    if len(folded) < _SHORTEST_MISSPELT:
        return []
    negations = _negations(code)
    allowed = 2 if len(folded) >= _TWO_EDITS_FROM else 1
    distances = {
        each: edit_distance(folded, text)
        for each in known
        if len(text := fold(each)) >= _SHORTEST_MISSPELT
        and abs(len(text) - len(folded)) <= allowed
        and _weighty(text) == _weighty(folded)
        and _negations(each) == negations
    }
    least = min(distances.values(), default=allowed + 1)
    return [each for each, distance in distances.items() if distance == least <= allowed]


def _contained(code: str, known: Iterable[str]) -> list[str]:
    """The known codes within the code, but for those within another such.

    Empty if none of them makes up enough of the code; a small one still speaks against another.
    """
    length = len(re.sub(r"\d", "", fold(code)))
    inside = [each for each in known if _is_within(each, code)]
    widest = [
        each
        for each in inside
        if not any(fold(each) != fold(other) and _is_within(each, other) for other in inside)
    ]
    is_enough = any(len(fold(each)) >= _LEAST_SHARE * length for each in widest)
    return widest if is_enough else []


def _containing(code: str, known: Iterable[str]) -> list[str]:
    return [
        each
        for each in known
        if _is_within(code, each) and len(fold(code)) >= _LEAST_SHARE * len(fold(each))
    ]


def _is_within(part: str, whole: str) -> bool:
    """Whether the whole holds the part: in whole words if these are Latin letters or digits."""
    text = fold(part)
    if not text.isascii():
        return len(text) >= _SHORTEST_OTHER and text in fold(whole)
    if len(text) < _SHORTEST_LATIN:
        return False
    few, many = words(part), words(whole)
    return any(many[start : start + len(few)] == few for start in range(len(many) - len(few) + 1))


def _weighty(text: str) -> str:
    """The characters that a slip of the keyboard does not change: ideographs and digits."""
    return "".join(
        char for char in text if char.isdigit() or unicodedata.name(char, "").startswith("CJK")
    )


def _negations(code: str) -> list[str]:
    text = unicodedata.normalize("NFKC", code).casefold()
    # as words, however they are joined
    return sorted(_NEGATIONS.findall(re.sub(r"[-_/・]", " ", text)))
