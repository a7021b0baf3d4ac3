"""Reading SQL templates as text: without comments, and without the template language."""

from __future__ import annotations

import re

COMMENT = re.compile(r"\{#.*?#\}|/\*.*?\*/|--[^\n]*", re.DOTALL)
TAG = re.compile(r"\{\{.*?\}\}|\{%.*?%\}", re.DOTALL)
LITERAL = re.compile(r"'([^']*)'|\"([^\"]*)\"")


def without_comments(template: str) -> str:
    """Return a template with its SQL and Jinja comments blanked out."""
    return COMMENT.sub(" ", template)


def sql_of(template: str) -> str:
    """Return the SQL of a template: no comments, and of each Jinja tag only its texts.

    The texts stay because SQL is passed to macros as text; the names of macros go, so that
    a call of the macro `try_cast` is not taken for the function.
    """

    def texts(tag: re.Match[str]) -> str:
        found = [single or double for single, double in LITERAL.findall(tag.group())]
        return f" {' , '.join(found)} ; " if found else " "

    return TAG.sub(texts, without_comments(template))


def first_comment(template: str) -> str:
    """Return the Jinja comment a template begins with, or "" if it begins otherwise."""
    match = re.match(r"\s*\{#(.*?)#\}", template, re.DOTALL)
    return match.group(1) if match else ""
