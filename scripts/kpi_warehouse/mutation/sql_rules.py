"""The errors that are planted in SQL: each rule says how one node of a query could be wrong.

A rule takes a node of a parsed query and yields what may stand in its place, None for nothing. It
must not change the node, and must yield in the same order for the same shape of query: a mutant is
addressed by rule, position of the node and number of the replacement, so that it can be planted
into the SQL of a unit test of the model as well.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from sqlglot import exp

Replacement = exp.Expression | None


@dataclass(frozen=True)
class Context:
    """What a rule may know of the whole query: the texts that stand beside each column."""

    literals: dict[str, tuple[str, ...]] = field(default_factory=dict)

    @classmethod
    def of(cls, tree: exp.Expression) -> Context:
        """Collect the literals of each column name of a query, sorted."""
        found: dict[str, set[str]] = defaultdict(set)
        for literal in tree.find_all(exp.Literal):
            if literal.is_string and (column := _compared_column(literal)):
                found[column].add(literal.this)
        return cls({column: tuple(sorted(texts)) for column, texts in found.items()})


SqlRule = Callable[[exp.Expression, Context], Iterator[Replacement]]

_LINK = re.compile(r"^(parent|merged|rescheduled|external)_\w*id$")
_MAGNITUDES = {exp.LT: exp.LTE, exp.LTE: exp.LT, exp.GT: exp.GTE, exp.GTE: exp.GT}
_EQUALITIES = {exp.EQ: exp.NEQ, exp.NEQ: exp.EQ}


def swap_ratio(node: exp.Expression, context: Context) -> Iterator[Replacement]:
    """Swap numerator and denominator of a division."""
    if isinstance(node, exp.Div):
        yield _binary(exp.Div, node.expression, node.this)


def drop_condition(node: exp.Expression, context: Context) -> Iterator[Replacement]:
    """Drop one condition of several, or the only one of a where or having."""
    if isinstance(node, exp.And):
        if not _links_tables(node.expression) or _has_equality(node.this):
            yield node.this.copy()
        is_leaf = not isinstance(node.this, exp.And)
        if is_leaf and (not _links_tables(node.this) or _has_equality(node.expression)):
            yield node.expression.copy()
    elif isinstance(node, exp.Where | exp.Having) and not isinstance(node.this, exp.And):
        yield None


def drop_alternative(node: exp.Expression, context: Context) -> Iterator[Replacement]:
    """Drop one side of an `or`, or one of the values of an `in`."""
    if isinstance(node, exp.Or):
        yield node.this.copy()
        if not isinstance(node.this, exp.Or):
            yield node.expression.copy()
    elif isinstance(node, exp.In) and len(node.expressions) > 1:
        for position in range(len(node.expressions)):
            fewer = node.copy()
            fewer.expressions[position].pop()
            yield fewer


def and_or(node: exp.Expression, context: Context) -> Iterator[Replacement]:
    """Take `and` for `or`, and the other way round; not where it would join all with all."""
    if isinstance(node, exp.Or):
        yield _binary(exp.And, node.this, node.expression)
    elif isinstance(node, exp.And) and not (
        _has_equality(node.this) or _has_equality(node.expression)
    ):
        yield _binary(exp.Or, node.this, node.expression)


def move_boundary(node: exp.Expression, context: Context) -> Iterator[Replacement]:
    """Take a boundary in or out: < for <=, > for >=, either end of a between."""
    for kind, other in _MAGNITUDES.items():
        if type(node) is kind:
            yield _binary(other, node.this, node.expression)
    if isinstance(node, exp.Between):
        low, high = node.args["low"], node.args["high"]
        for first, last in ((exp.GT, exp.LTE), (exp.GTE, exp.LT)):
            yield _binary(
                exp.And,
                _binary(first, node.this, low, in_parentheses=False),
                _binary(last, node.this, high, in_parentheses=False),
            )


def negate(node: exp.Expression, context: Context) -> Iterator[Replacement]:
    """Turn a condition into its contrary: = and <>, is null, not, a flag, a comparison."""
    if isinstance(node, exp.EQ | exp.NEQ):
        if not _links_tables(node):
            other = _EQUALITIES[type(node)]
            yield _binary(other, node.this, node.expression, in_parentheses=False)
    elif isinstance(node, exp.LT | exp.LTE | exp.GT | exp.GTE | exp.In | exp.Is):
        if not isinstance(node.parent, exp.Not):
            yield exp.not_(node.copy())
    elif isinstance(node, exp.Not):
        yield _bare(node.this)
    elif isinstance(node, exp.Column) and _is_condition(node):
        yield exp.not_(node.copy())


def shift_time_zone(node: exp.Expression, context: Context) -> Iterator[Replacement]:
    """Leave out, or turn round, the hours between UTC and the business day."""
    if isinstance(node, exp.Add | exp.Sub) and _interval_unit(node.expression) == "HOUR":
        yield node.this.copy()
        other = exp.Sub if isinstance(node, exp.Add) else exp.Add
        yield _binary(other, node.this, node.expression)


def shift_constant(node: exp.Expression, context: Context) -> Iterator[Replacement]:
    """Make a whole number one more or one less, where it is compared or calculated with."""
    if not isinstance(node, exp.Literal) or node.is_string or not node.this.isdigit():
        return
    outer = _beyond_casts(node)
    in_hours = isinstance(outer, exp.Mul) and _interval_unit(outer) == "HOUR"
    if in_hours or not isinstance(outer, exp.Binary | exp.Between | exp.Mod):
        return
    yield exp.Literal.number(int(node.this) + 1)
    if int(node.this) > 0:
        yield exp.Literal.number(int(node.this) - 1)


def shift_window(node: exp.Expression, context: Context) -> Iterator[Replacement]:
    """Make a span of days that a policy or a column gives one day longer or shorter."""
    if (
        isinstance(node, exp.Mul)
        and _interval_unit(node) in {"DAY", "MONTH"}
        and node.this.find(exp.Column)
    ):
        for step in (exp.Add, exp.Sub):
            amount = _binary(step, node.this, exp.Literal.number(1))
            yield exp.Mul(this=amount, expression=node.expression.copy())


def default_of_coalesce(node: exp.Expression, context: Context) -> Iterator[Replacement]:
    """Lose the default of a coalesce, turn it round if it is true or false."""
    if not isinstance(node, exp.Coalesce):
        return
    last = node.expressions[-1]
    if isinstance(last, exp.Boolean):
        flipped = node.copy()
        flipped.expressions[-1].replace(exp.Boolean(this=not last.this))
        yield flipped
    elif len(node.expressions) == 1:
        yield node.this.copy()
    else:
        shorter = node.copy()
        shorter.expressions[-1].pop()
        yield shorter


def order_of_coalesce(node: exp.Expression, context: Context) -> Iterator[Replacement]:
    """Prefer the second source of a value to the first."""
    if isinstance(node, exp.Coalesce) and not isinstance(
        node.expressions[0], exp.Literal | exp.Boolean
    ):
        swapped = node.copy()
        first, second = node.this.copy(), node.expressions[0].copy()
        swapped.set("this", second)
        swapped.expressions[0].replace(first)
        yield swapped


def drop_unknown(node: exp.Expression, context: Context) -> Iterator[Replacement]:
    """Leave out the rows whose member of a dimension is unknown."""
    if not isinstance(node, exp.Select) or not node.args.get("from_"):
        return
    for column in node.expressions:
        value = column.this if isinstance(column, exp.Alias) else column
        if isinstance(value, exp.Coalesce) and _text(value.expressions[-1]) == "unknown":
            known = exp.not_(exp.Is(this=value.this.copy(), expression=exp.Null()))
            yield node.where(known, copy=True)


def join_kind(node: exp.Expression, context: Context) -> Iterator[Replacement]:
    """Take an inner join for a left one, and the other way round."""
    if isinstance(node, exp.Join) and node.args.get("on"):
        other = node.copy()
        is_left = str(node.side).upper() == "LEFT"
        other.set("side", None if is_left else "LEFT")
        other.set("kind", "INNER" if is_left else None)
        yield other


def aggregate(node: exp.Expression, context: Context) -> Iterator[Replacement]:
    """Take another aggregate: min for max, a count or an average for a sum, rows for things."""
    if isinstance(node, exp.Min):
        yield exp.Max(this=node.this.copy())
    elif isinstance(node, exp.Max):
        yield exp.Min(this=node.this.copy())
    elif isinstance(node, exp.Sum) and not isinstance(node.this, exp.Literal):
        yield exp.Count(this=node.this.copy())
        yield exp.Avg(this=node.this.copy())
    elif isinstance(node, exp.Count) and isinstance(node.this, exp.Distinct):
        yield exp.Count(this=node.this.expressions[0].copy())
    elif isinstance(node, exp.Count) and isinstance(node.this, exp.Column):
        yield exp.Count(this=exp.Distinct(expressions=[node.this.copy()]))


def window_order(node: exp.Expression, context: Context) -> Iterator[Replacement]:
    """Number rows from the other end; a last key, which only makes the order total, stays."""
    if isinstance(node, exp.Ordered) and isinstance(node.find_ancestor(exp.Window), exp.Window):
        keys = node.parent.expressions
        if len(keys) == 1 or node is not keys[-1]:
            turned = node.copy()
            turned.set("desc", not node.args.get("desc"))
            yield turned


def partition(node: exp.Expression, context: Context) -> Iterator[Replacement]:
    """Number rows over too much: without one of the keys that part them."""
    if isinstance(node, exp.Window):
        for position in range(len(node.args.get("partition_by") or [])):
            wider = node.copy()
            keys = wider.args["partition_by"]
            wider.set("partition_by", keys[:position] + keys[position + 1 :])
            yield wider


def case_branch(node: exp.Expression, context: Context) -> Iterator[Replacement]:
    """Swap the results of two neighbouring branches of a case, or take its default for one."""
    if not isinstance(node, exp.Case):
        return
    branches = node.args["ifs"]
    for position in range(len(branches) - 1):
        swapped = node.copy()
        ifs = swapped.args["ifs"]
        ifs[position].set("true", branches[position + 1].args["true"].copy())
        ifs[position + 1].set("true", branches[position].args["true"].copy())
        yield swapped
    if default := node.args.get("default"):
        swapped = node.copy()
        last = swapped.args["ifs"][-1]
        swapped.set("default", last.args["true"].copy())
        last.set("true", default.copy())
        yield swapped


def flip_boolean(node: exp.Expression, context: Context) -> Iterator[Replacement]:
    """Write true for false, and the other way round; defaults have a rule of their own."""
    if isinstance(node, exp.Boolean) and not isinstance(node.parent, exp.Coalesce):
        yield exp.Boolean(this=not node.this)


def drop_union_arm(node: exp.Expression, context: Context) -> Iterator[Replacement]:
    """Forget one arm of a union."""
    if isinstance(node, exp.Union):
        arms = [node.this]
        if not isinstance(node.this, exp.Union):
            arms.append(node.expression)
        for arm in arms:
            kept = arm.copy()
            if with_ := node.args.get("with_"):
                kept.set("with_", with_.copy())
            yield kept


def keep_duplicates(node: exp.Expression, context: Context) -> Iterator[Replacement]:
    """Drop a distinct, or take `union all` for `union`."""
    if isinstance(node, exp.Select) and node.args.get("distinct"):
        repeated = node.copy()
        repeated.set("distinct", None)
        yield repeated
    elif isinstance(node, exp.Union) and node.args.get("distinct"):
        repeated = node.copy()
        repeated.set("distinct", False)
        yield repeated


def ignore_link(node: exp.Expression, context: Context) -> Iterator[Replacement]:
    """Ignore that a record names another one: its parent call, survivor or earlier booking."""
    if (
        isinstance(node, exp.Column)
        and _LINK.match(node.name)
        and not node.find_ancestor(exp.Group, exp.Window)
    ):
        nothing = exp.cast(exp.Null(), "text")
        is_selected = isinstance(node.parent, exp.Select)
        yield exp.alias_(nothing, node.name) if is_selected else nothing


def count_every(node: exp.Expression, context: Context) -> Iterator[Replacement]:
    """Count every event instead of the first or last one of each."""
    if (
        isinstance(node, exp.EQ)
        and isinstance(node.this, exp.Column)
        and node.expression.sql() == "1"
        and _is_condition(node)
    ):
        yield exp.true()


def replace_literal(node: exp.Expression, context: Context) -> Iterator[Replacement]:
    """Take another text that the query holds against the same column."""
    if isinstance(node, exp.Literal) and node.is_string and (column := _compared_column(node)):
        for other in context.literals.get(column, ()):
            if other != node.this:
                yield exp.Literal.string(other)


def arithmetic(node: exp.Expression, context: Context) -> Iterator[Replacement]:
    """Take minus for plus and division for multiplication, apart from time zones."""
    if isinstance(node, exp.Mul) and _interval_unit(node):
        return
    if isinstance(node, exp.Add | exp.Sub) and _interval_unit(node.expression) == "HOUR":
        return
    opposites = {exp.Add: exp.Sub, exp.Sub: exp.Add, exp.Mul: exp.Div, exp.Div: exp.Mul}
    if opposite := opposites.get(type(node)):
        yield _binary(opposite, node.this, node.expression)


SQL_RULES: dict[str, SqlRule] = {
    rule.__name__: rule
    for rule in (
        swap_ratio,
        drop_condition,
        drop_alternative,
        and_or,
        move_boundary,
        negate,
        shift_time_zone,
        shift_constant,
        shift_window,
        default_of_coalesce,
        order_of_coalesce,
        drop_unknown,
        join_kind,
        aggregate,
        window_order,
        partition,
        case_branch,
        flip_boolean,
        drop_union_arm,
        keep_duplicates,
        ignore_link,
        count_every,
        replace_literal,
        arithmetic,
    )
}


def _binary(
    kind: type[exp.Binary], left: exp.Expression, right: exp.Expression, in_parentheses: bool = True
) -> exp.Expression:
    """An operation on copies, in parentheses where another may bind more tightly."""
    operation = kind(this=left.copy(), expression=right.copy())
    return exp.paren(operation, copy=False) if in_parentheses else operation


def _bare(node: exp.Expression) -> exp.Expression:
    inner = node.this if isinstance(node, exp.Paren) else node
    return inner.copy()


def _text(node: exp.Expression) -> str | None:
    return node.this if isinstance(node, exp.Literal) and node.is_string else None


def _links_tables(node: exp.Expression) -> bool:
    """Whether it is an equality of columns of two tables: without it, all meet all."""
    if not isinstance(node, exp.EQ):
        return False
    left = {column.table for column in node.this.find_all(exp.Column)}
    right = {column.table for column in node.expression.find_all(exp.Column)}
    return bool(left and right and left != right)


def _has_equality(node: exp.Expression) -> bool:
    leaves = node.flatten() if isinstance(node, exp.And) else [node]
    return any(_links_tables(leaf) for leaf in leaves)


def _is_condition(node: exp.Expression) -> bool:
    """Whether it stands where only true and false make sense."""
    parent = node.parent
    if isinstance(parent, exp.If):
        return parent.this is node and not (
            isinstance(parent.parent, exp.Case) and parent.parent.this is not None
        )
    if isinstance(parent, exp.Join):
        return parent.args.get("on") is node
    return isinstance(parent, exp.And | exp.Or | exp.Where | exp.Having)


def _interval_unit(node: exp.Expression) -> str | None:
    """The unit of an interval, or of a multiple of one."""
    if isinstance(node, exp.Paren):
        return _interval_unit(node.this)
    if isinstance(node, exp.Mul):
        return _interval_unit(node.expression) or _interval_unit(node.this)
    return str(node.unit).upper() if isinstance(node, exp.Interval) else None


def _beyond_casts(node: exp.Expression) -> exp.Expression | None:
    parent = node.parent
    while isinstance(parent, exp.Cast | exp.Paren | exp.Neg):
        parent = parent.parent
    return parent


def _compared_column(literal: exp.Literal) -> str | None:
    """The name of the column that a text is held against, or is given out as."""
    parent = literal.parent
    if isinstance(parent, exp.EQ | exp.NEQ):
        return _only_column(parent.expression if parent.this is literal else parent.this)
    if isinstance(parent, exp.In):
        return _only_column(parent.this)
    if isinstance(parent, exp.If) and isinstance(parent.parent, exp.Case):
        case = parent.parent
        if parent.this is literal:
            return _only_column(case.this)
        parent = case
    if isinstance(parent, exp.Alias | exp.Case | exp.Coalesce):
        alias = parent if isinstance(parent, exp.Alias) else parent.find_ancestor(exp.Alias)
        return alias.alias if alias else None
    return None


def _only_column(node: exp.Expression | None) -> str | None:
    """The column of an expression that has one, as a trimmed or lower-cased one does."""
    names = {column.name for column in node.find_all(exp.Column)} if node else set()
    return names.pop() if len(names) == 1 else None
