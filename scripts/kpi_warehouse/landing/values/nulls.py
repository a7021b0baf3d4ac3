"""Words that systems write where there is no value."""

from __future__ import annotations

from collections.abc import Collection

from kpi_warehouse.landing.values.reading import tidy

# Form -> its words, tidied and lower-cased. `text:<word>` declares a word of one's own.
NULL_WORDS: dict[str, frozenset[str]] = {
    "dash": frozenset({"-", "--", "---", "–", "—", "―", "‐", "−", "─", "ー", "ーー"}),
    "null_word": frozenset(
        {"null", "(null)", "<null>", "[null]", "nil", "none", "\\n", "(blank)", "(空白)"}
    ),
    "not_available": frozenset({"n/a", "(n/a)", "#n/a", "not available", "該当なし"}),
    "spreadsheet_error": frozenset(
        {"#n/a", "#ref!", "#value!", "#name?", "#div/0!", "#num!", "#null!", "#spill!"}
    ),
    "select": frozenset(
        {
            *("select", "-- select --", "--select--", "--none--", "-none-", "please select"),
            *("選択してください", "未選択", "--なし--", "-なし-"),
        }
    ),
}
# A zero is a value everywhere but in dates and phone numbers.
ZERO_WORDS = frozenset({"0", "0.0", "0000-00-00", "0000-00-00 00:00:00", "1900/1/0", "1900-01-00"})
ZERO_KINDS = frozenset({"timestamp", "date", "phone"})
OWN_WORD = "text:"


def null_words(forms: Collection[str], kind: str | None) -> frozenset[str]:
    """The words, tidied and lower-cased, that stand for no value in a column of this kind."""
    words: set[str] = set()
    for form in forms:
        if form.startswith(OWN_WORD):
            words.add(as_word(form.removeprefix(OWN_WORD)))
        elif form != "zero":
            words |= NULL_WORDS[form]
        elif kind in ZERO_KINDS:
            words |= ZERO_WORDS
    return frozenset(words)


def as_word(text: str) -> str:
    """The spelling in which words are compared."""
    return tidy(text).lower()
