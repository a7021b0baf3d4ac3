"""Which tables a piece of Python names, itself or by what it imports of the package.

A static look at names: a function, class or constant that is imported counts with the texts in it
and with all that it names in turn; a module that is imported counts as a whole.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

PACKAGE = "kpi_warehouse"
# schemas that hold tables
SCHEMAS = ("marts", "seeds", "staging")
RELATION = re.compile(rf"\b({'|'.join(SCHEMAS)})\.(\w+)")
_OPEN = re.compile(rf"\b(?:{'|'.join(SCHEMAS)})\.\"?$")
_OPEN_TEMPLATE = re.compile(rf"\b(?:{'|'.join(SCHEMAS)})\.\"?[{{%]")
_DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)


@dataclass
class Reads:
    """What was found.

    relations: schema and name -> a file that names it
    unfinished: files that put the name of a table together
    """

    relations: dict[str, Path] = field(default_factory=dict)
    unfinished: set[Path] = field(default_factory=set)


def python_files(paths: Iterable[Path]) -> list[Path]:
    """The Python files of files and folders, each once."""
    files = {
        file
        for path in paths
        for file in ([path] if path.is_file() else path.rglob("*.py"))
        if file.suffix == ".py"
    }
    return sorted(files)


def named_in(file: Path) -> set[str]:
    """The tables that a file names itself."""
    return {relation for text in _texts(_Module(file).tree) for relation in _relations(text)}


def reads_of(paths: Iterable[Path], scripts: Path) -> Reads:
    """The tables that files and folders name, and those of what they import.

    scripts: the folder that holds the package
    """
    walk = _Walk(scripts)
    for file in python_files(paths):
        walk.module(file)
    return walk.reads


class _Module:
    """A file, its statements by the names that they bind, and what it imports."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.tree = ast.parse(path.read_text("utf-8"))

    @cached_property
    def statements(self) -> dict[str, list[ast.stmt]]:
        bound: dict[str, list[ast.stmt]] = {}
        for statement in self.tree.body:
            for name in _bound_by(statement):
                bound.setdefault(name, []).append(statement)
        return bound


class _Walk:
    """Visits each module, or each of its names, once."""

    def __init__(self, scripts: Path) -> None:
        self.reads = Reads()
        self._scripts = scripts
        self._modules: dict[Path, _Module] = {}
        self._seen: set[tuple[Path, str | None]] = set()

    def module(self, file: Path) -> None:
        """All of a file."""
        if self._is_new(file, None):
            self._node(self._parsed(file), self._parsed(file).tree)

    def name(self, file: Path, name: str) -> None:
        """What one name of a file stands for."""
        if self._is_new(file, name):
            for statement in self._parsed(file).statements.get(name, ()):
                if isinstance(statement, ast.Import | ast.ImportFrom):
                    self._imported(statement, name)
                else:
                    self._node(self._parsed(file), statement)

    def _node(self, module: _Module, node: ast.AST) -> None:
        for text in _texts(node):
            for relation in _relations(text):
                self.reads.relations.setdefault(relation, module.path)
        if _puts_a_name_together(node):
            self.reads.unfinished.add(module.path)
        for inner in ast.walk(node):
            if isinstance(inner, ast.Import | ast.ImportFrom):
                self._imported(inner)
            elif isinstance(inner, ast.Name) and inner.id in module.statements:
                self.name(module.path, inner.id)

    def _imported(self, statement: ast.Import | ast.ImportFrom, only: str | None = None) -> None:
        """What an import brings, or one name of it."""
        for alias in statement.names:
            if only not in (None, _name_of(alias)):
                continue
            if isinstance(statement, ast.Import):
                if file := self._file(alias.name):
                    self.module(file)
                continue
            parent = statement.module or ""
            if file := self._file(f"{parent}.{alias.name}"):
                self.module(file)
            elif file := self._file(parent):
                self.name(file, alias.name)

    def _file(self, dotted: str) -> Path | None:
        """The file of a module of the package."""
        if dotted.partition(".")[0] != PACKAGE:
            return None
        path = self._scripts.joinpath(*dotted.split("."))
        files = (path.with_suffix(".py"), path / "__init__.py")
        return next((file for file in files if file.is_file()), None)

    def _parsed(self, file: Path) -> _Module:
        if file not in self._modules:
            self._modules[file] = _Module(file)
        return self._modules[file]

    def _is_new(self, file: Path, name: str | None) -> bool:
        if {(file, None), (file, name)} & self._seen:
            return False
        self._seen.add((file, name))
        return True


def _bound_by(statement: ast.stmt) -> Iterator[str]:
    """The names that a statement of a module gives a meaning."""
    if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        yield statement.name
    elif isinstance(statement, ast.Import | ast.ImportFrom):
        for alias in statement.names:
            yield _name_of(alias)
    else:
        for node in ast.walk(statement):
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                yield node.id


def _name_of(alias: ast.alias) -> str:
    return alias.asname or alias.name.partition(".")[0]


def _relations(text: str) -> set[str]:
    return {".".join(match) for match in RELATION.findall(text)}


def _texts(tree: ast.AST) -> Iterator[str]:
    """The texts of a piece of code; comments and docstrings are none."""
    passive = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, _DOCUMENTED) and node.body and isinstance(node.body[0], ast.Expr)
    }
    for node in ast.walk(tree):
        is_text = isinstance(node, ast.Constant) and isinstance(node.value, str)
        if is_text and id(node) not in passive:
            yield node.value


def _puts_a_name_together(tree: ast.AST) -> bool:
    """Whether the name behind a schema is filled in at run time, and so cannot be followed."""
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            for part, following in zip(node.values, node.values[1:], strict=False):
                if _is_open(part) and isinstance(following, ast.FormattedValue):
                    return True
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add) and _is_open(node.left):
            return True
    return any(_OPEN_TEMPLATE.search(text) for text in _texts(tree))


def _is_open(node: ast.AST) -> bool:
    return (
        isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and _OPEN.search(node.value) is not None
    )
