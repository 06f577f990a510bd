"""The `where` parameter: the supported part of Xero's filter language.

Comparisons (`==`, `=`, `!=`, `<>`, `<`, `<=`, `>`, `>=`) of properties, strings (a quote inside is doubled),
numbers, `true`, `false`, `null`, `Guid("…")`, `DateTime(2026, 11, 22)` and `DateTime.Parse("2026-11-22")`,
joined by `AND`, `&&`, `OR`, `||`, `NOT`, `!` and parentheses. Strings have `.Contains`, `.StartsWith`,
`.EndsWith`, `.ToLower`, `.ToUpper`, `.Trim` and `.Length`, all values `.Equals`.

Names and methods are case-insensitive.

Xero evaluates with .NET's Dynamic LINQ: invalid text is a 400 with that library's message (seen), and a
method called on an empty field fails the whole call with a 500 (seen) unless a null check precedes it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

from tui.sandbox.books import name_key
from tui.sandbox.database import parse_guid
from tui.sandbox.responses import query_error

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tui.sandbox.responses import ApiError


_DIRECTIONS: Final = {"": "ASC", "asc": "ASC", "ascending": "ASC", "desc": "DESC", "descending": "DESC"}


def parse_order(text: str, columns: Mapping[str, str], type_name: str) -> dict[str, str]:
    """Return the columns to sort by, in order, with the direction of each.

    `columns` has the columns by property name in lower case. Raises `ApiError` (QueryParseException).
    """
    ordered: dict[str, str] = {}
    for part in text.split(",") if text.strip() else ():
        name, _, direction = part.strip().partition(" ")
        direction = direction.strip().lower()
        if not name or direction not in _DIRECTIONS:
            raise query_error("Syntax error")
        if name.lower() not in columns:
            raise query_error(f"No property or field '{name}' exists in type '{type_name}'")
        ordered.setdefault(columns[name.lower()], _DIRECTIONS[direction])
    return ordered


def as_sql(ordered: Mapping[str, str]) -> str:
    """Return the text after `ORDER BY`."""
    return ", ".join(f"{column} {direction}" for column, direction in ordered.items())


_TOKEN: Final = re.compile(
    r"""\s*(?:
        (?P<text>"(?:[^"]|"")*") |
        (?P<number>[0-9]+(?:\.[0-9]+)?)[dflmDFLM]? |
        (?P<word>[^\W\d]\w*) |
        (?P<sign>&&|\|\||==|!=|<>|<=|>=|[=<>!().,-]) |
        (?P<end>$)
    )\s*""",
    re.VERBOSE,
)
# How deeply parentheses, arguments and negations may be nested, which uses Python's stack …
_DEEPEST: Final = 50
# … and operators and methods applied to each other's results, which uses the stack of SQLite's parser: it has
# 100 entries, and each level needs up to six.
_HIGHEST: Final = 15
_MILLISECONDS: Final = 1000
_ALWAYS, _NEVER = "1", "0"


class PropertyKind(StrEnum):
    """The type of a value, as named in Xero's messages."""

    TEXT = "String"
    GUID = "Guid"
    FLAG = "Boolean"
    MOMENT = "DateTime"
    NUMBER = "Double"
    NOTHING = "Object"


@dataclass(frozen=True, slots=True)
class Property:
    """A property that filters can use: its type and where its value is stored.

    `folded` is the column for case-insensitive comparisons. `optimised` marks the properties that stay fast
    in large organisations.
    """

    kind: PropertyKind
    column: str
    nullable: bool = False
    folded: str | None = None
    optimised: bool = False


def _in_document(name: str, kind: PropertyKind = PropertyKind.TEXT) -> Property:
    value = f"json_extract(document, '$.{name}')"
    if kind is PropertyKind.TEXT:
        return Property(kind, f"nullif({value}, '')", nullable=True)
    return Property(kind, value)


CONTACT: Final[Mapping[str, Property]] = {
    "Name": Property(PropertyKind.TEXT, "name", folded="name_key", optimised=True),
    "EmailAddress": Property(PropertyKind.TEXT, "email", nullable=True, optimised=True),
    "AccountNumber": Property(PropertyKind.TEXT, "account_number", nullable=True, optimised=True),
    "ContactNumber": Property(PropertyKind.TEXT, "contact_number", nullable=True),
    "FirstName": Property(PropertyKind.TEXT, "first_name", nullable=True),
    "LastName": Property(PropertyKind.TEXT, "last_name", nullable=True),
    "CompanyNumber": Property(PropertyKind.TEXT, "company_number", nullable=True),
    "ContactStatus": Property(PropertyKind.TEXT, "status"),
    "ContactID": Property(PropertyKind.GUID, "contact_id"),
    "UpdatedDateUTC": Property(PropertyKind.MOMENT, "updated"),
    "TaxNumber": _in_document("TaxNumber"),
    "BankAccountDetails": _in_document("BankAccountDetails"),
    "Website": _in_document("Website"),
    "DefaultCurrency": _in_document("DefaultCurrency"),
    "IsCustomer": _in_document("IsCustomer", PropertyKind.FLAG),
    "IsSupplier": _in_document("IsSupplier", PropertyKind.FLAG),
    "HasAttachments": _in_document("HasAttachments", PropertyKind.FLAG),
}
CONTACT_GROUP: Final[Mapping[str, Property]] = {
    "Name": Property(PropertyKind.TEXT, "name"),
    "Status": Property(PropertyKind.TEXT, "status"),
    "ContactGroupID": Property(PropertyKind.GUID, "group_id"),
}


@dataclass(frozen=True, slots=True)
class Condition:
    """An SQL fragment with its parameters."""

    sql: str
    parameters: tuple[Any, ...] = ()


@dataclass(frozen=True, slots=True)
class Where:
    """A filter as SQL.

    `error_condition` is true for the rows on which Xero's own evaluation fails; `None` if it can't. `fast` is
    whether the filter is one of the three that Xero calls optimised.
    """

    matches: Condition
    error_condition: Condition | None
    fast: bool


@dataclass(frozen=True, slots=True)
class _Value:
    """A part of the expression. As a condition, NULL counts as false.

    `outcome` is set if evaluation can fail: SQL that returns 0, 1, or 2 for a failure. `failing` is the same
    for a value that isn't a condition: columns that must not be NULL. `constant` is the value of a literal.
    `height` counts the operators and methods from here down. `joined` are the parts that `AND` or `OR` has
    joined, with its name.
    """

    kind: PropertyKind
    sql: str
    parameters: tuple[Any, ...] = ()
    outcome: Condition | None = None
    failing: tuple[str, ...] = ()
    constant: Any = None
    source: Property | None = None
    optimised: bool = False
    height: int = 0
    joined: tuple[str, tuple[_Value, ...]] | None = None

    def __post_init__(self) -> None:
        """Reject expressions that are too deep for SQLite."""
        if self.height > _HIGHEST:
            raise _too_deep()

    @property
    def is_constant(self) -> bool:
        return self.constant is not None


def parse(text: str, properties: Mapping[str, Property] = CONTACT, type_name: str = "Contact") -> Where:
    """Parse a filter. Raises `ApiError` (QueryParseException) if it is invalid."""
    found = _Parser(
        _tokens(text), {name.lower(): property_ for name, property_ in properties.items()}, type_name
    ).parse()
    if found.kind is not PropertyKind.FLAG:
        raise query_error("Expression of type 'Boolean' expected")
    failing = found.outcome and Condition(f"{found.outcome.sql} = 2", found.outcome.parameters)
    return Where(Condition(found.sql, found.parameters), failing, found.optimised)


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str


def _tokens(text: str) -> list[_Token]:
    tokens: list[_Token] = []
    position = 0
    while True:
        match = _TOKEN.match(text, position)
        if match is None:
            raise query_error(_lexical_error(text[position:].lstrip()))
        kind = str(match.lastgroup)
        tokens.append(_Token(kind, match[kind]))
        if kind == "end":
            return tokens
        position = match.end()


def _lexical_error(rest: str) -> str:
    match rest[:1]:
        case '"':
            return "Unterminated string literal"
        case "'":
            return "Character literal must contain exactly one character"
        case sign:
            return f"Syntax error '{sign}'"


@dataclass(slots=True)
class _Parser:
    tokens: list[_Token]
    properties: Mapping[str, Property]
    type_name: str
    position: int = 0
    depth: int = field(default=0)

    def parse(self) -> _Value:
        """Parse the whole expression."""
        found = self._or_expression()
        if self._next.kind != "end":
            raise query_error("Syntax error")
        return found

    @property
    def _next(self) -> _Token:
        return self.tokens[self.position]

    def _accept(self, *expected: str) -> str | None:
        """Consume the next token if it is one of these, ignoring case; returns it in lower case."""
        word = self._next.text.lower()
        if self._next.kind in {"word", "sign"} and word in expected:
            self.position += 1
            return word
        return None

    def _expect(self, sign: str, message: str) -> None:
        if not self._accept(sign):
            raise query_error(message)

    def _or_expression(self) -> _Value:
        parts = [self._and_expression()]
        while self._accept("||", "or"):
            parts.append(self._and_expression())
        return _joined(parts, "OR")

    def _and_expression(self) -> _Value:
        parts = [self._comparison()]
        while self._accept("&&", "and"):
            parts.append(self._comparison())
        return _joined(parts, "AND")

    def _comparison(self) -> _Value:
        left = self._unary()
        while sign := self._accept("==", "=", "!=", "<>", "<", "<=", ">", ">="):
            left = _compared(left, _SIGNS.get(sign, sign), self._unary())
        return left

    def _unary(self) -> _Value:
        self.depth += 1
        if self.depth > _DEEPEST:
            raise _too_deep()
        try:
            if self._accept("!", "not"):
                return _negated(self._unary())
            if self._accept("-"):
                if self._next.kind != "number":
                    raise query_error("Expression expected")
                return _number("-" + self._primary().sql)
            found = self._primary()
            while self._accept("."):
                found = self._member(found)
            return found
        finally:
            self.depth -= 1

    def _primary(self) -> _Value:
        token = self._next
        if self._accept("("):
            found = self._or_expression()
            self._expect(")", "')' or operator expected")
            return found
        if token.kind in {"end", "sign"}:
            raise query_error("Expression expected")
        self.position += 1
        if token.kind == "text":
            return _text(token.text[1:-1].replace('""', '"'))
        if token.kind == "number":
            return _number(token.text)
        return self._word(token.text)

    def _word(self, word: str) -> _Value:
        match word.lower():
            case "true" | "false" as flag:
                return _Value(PropertyKind.FLAG, _ALWAYS if flag == "true" else _NEVER)
            case "null":
                return _Value(PropertyKind.NOTHING, "NULL")
            case "guid":
                return _guid(self._arguments())
            case "datetime" if self._accept("."):
                if not self._accept("parse"):
                    raise query_error(f"No applicable method '{self._next.text}' exists in type 'DateTime'")
                return _parsed_moment(self._arguments())
            case "datetime":
                return _moment(self._arguments())
        found = self.properties.get(word.lower())
        if found is None:
            raise query_error(f"No property or field '{word}' exists in type '{self.type_name}'")
        return _Value(found.kind, found.column, source=found)

    def _arguments(self) -> list[_Value]:
        self._expect("(", "'(' expected")
        found: list[_Value] = []
        if self._accept(")"):
            return found
        while True:
            found.append(self._or_expression())
            if self._accept(")"):
                return found
            self._expect(",", "')' or ',' expected")

    def _member(self, target: _Value) -> _Value:
        name = self._next
        if name.kind != "word":
            raise query_error("Identifier expected")
        self.position += 1
        method = name.text.lower()
        arguments = [] if method == "length" and target.kind is PropertyKind.TEXT else self._arguments()
        if target.kind is PropertyKind.GUID and method == "tostring" and not arguments:
            return replace(target, kind=PropertyKind.TEXT, source=None)
        if target.source is not None and target.source.nullable:
            target = replace(target, failing=(*target.failing, target.source.column))
        if method == "equals" and len(arguments) == 1 and target.kind is not PropertyKind.NOTHING:
            return _compared(target, "=", arguments[0])
        found = _of_text(target, method, arguments) if target.kind is PropertyKind.TEXT else None
        if found is None:
            raise query_error(f"No applicable method '{name.text}' exists in type '{target.kind}'")
        return found


_SIGNS: Final = {"==": "=", "<>": "!="}
# In SQL and for constants. Case conversion is Unicode's, by functions of `SandboxDatabase`.
_CHANGES: Final[Mapping[str, tuple[str, Callable[[str], str]]]] = {
    "tolower": ("unicode_lower", str.lower),
    "toupper": ("unicode_upper", str.upper),
    "trim": ("trim", str.strip),
}
_SEARCHES: Final = {"contains": "%{}%", "startswith": "{}%", "endswith": "%{}"}


def _text(text: str) -> _Value:
    return _Value(PropertyKind.TEXT, "?", (text,), constant=text)


def _number(text: str) -> _Value:
    return _Value(PropertyKind.NUMBER, text, constant=float(text))


def _guid(arguments: list[_Value]) -> _Value:
    match arguments:
        case [_Value(kind=PropertyKind.TEXT, constant=str(text))]:
            identifier = parse_guid(text)
            if identifier is not None:
                return _Value(PropertyKind.GUID, "?", (identifier,), constant=identifier)
    raise query_error("Guid should contain 32 digits with 4 dashes (xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx)")


def _moment(arguments: list[_Value]) -> _Value:
    numbers = [argument.constant for argument in arguments]
    if len(numbers) not in {3, 6, 7} or not all(
        isinstance(argument, float) and argument.is_integer() for argument in numbers
    ):
        raise query_error("No matching constructor in type 'DateTime'")
    try:
        year, month, day, *time = map(int, numbers)
        hour, minute, second, millisecond = (*time, 0, 0, 0, 0)[:4]
        return _at(datetime(year, month, day, hour, minute, second, millisecond * 1000, tzinfo=UTC))
    except (ValueError, OverflowError):
        raise query_error("Year, Month, and Day parameters describe an un-representable DateTime") from None


def _parsed_moment(arguments: list[_Value]) -> _Value:
    match arguments:
        case [_Value(kind=PropertyKind.TEXT, constant=str(text))]:
            try:
                moment = datetime.fromisoformat(text)
                return _at(moment if moment.tzinfo else moment.replace(tzinfo=UTC))
            except (ValueError, OverflowError):
                pass
    raise query_error("String was not recognized as a valid DateTime")


def _at(moment: datetime) -> _Value:
    ms = int(moment.timestamp() * _MILLISECONDS)
    return _Value(PropertyKind.MOMENT, "?", (ms,), constant=ms)


def _of_text(target: _Value, method: str, arguments: list[_Value]) -> _Value | None:
    """Apply a string method; None if no such method takes these arguments."""
    if method == "length":
        return _length(target)
    if method in _CHANGES and not arguments:
        return _changed(target, *_CHANGES[method])
    if method in _SEARCHES and [argument.kind for argument in arguments] == [PropertyKind.TEXT]:
        if not arguments[0].is_constant:
            raise query_error("What is looked for must be a text in double quotes")
        return _searched(target, method, arguments[0].constant)
    return None


def _changed(target: _Value, function: str, change: Callable[[str], str]) -> _Value:
    if target.is_constant:
        return _text(change(target.constant))
    return replace(target, sql=f"{function}({target.sql})", source=None, height=target.height + 1)


def _length(target: _Value) -> _Value:
    if target.is_constant:
        return _number(str(len(target.constant)))
    return replace(
        target, kind=PropertyKind.NUMBER, sql=f"length({target.sql})", source=None, height=target.height + 1
    )


def _searched(target: _Value, method: str, wanted: str) -> _Value:
    if target.source is None:
        # A string with converted case is compared case-sensitively.
        size = len(wanted)
        if not wanted:
            return _leaf(f"{target.sql} IS NOT NULL", target.parameters, target)
        found = {
            "contains": f"instr({target.sql}, ?) > 0",
            "startswith": f"substr({target.sql}, 1, {size}) = ?",
            "endswith": f"substr({target.sql}, -{size}) = ?",
        }[method]
        return _leaf(found, (*target.parameters, wanted), target)
    wanted = name_key(wanted) if target.source.folded else wanted
    for special in "\\%_":
        wanted = wanted.replace(special, f"\\{special}")
    pattern = _SEARCHES[method].format(wanted)
    return _leaf(f"{target.source.folded or target.sql} LIKE ? ESCAPE '\\'", (pattern,), target)


def _leaf(sql: str, parameters: tuple[Any, ...], *sides: _Value, optimised: bool = False) -> _Value:
    """Return a condition on values, which fails if they do."""
    columns = [column for side in sides for column in side.failing]
    height = _above(*sides)
    if not columns:
        return _Value(PropertyKind.FLAG, sql, parameters, optimised=optimised, height=height)
    missing = " OR ".join(f"{column} IS NULL" for column in columns)
    outcome = Condition(f"CASE WHEN {missing} THEN 2 ELSE ({sql}) IS TRUE END", parameters)
    return _Value(PropertyKind.FLAG, sql, parameters, outcome, height=height)


def _above(*values: _Value) -> int:
    return 1 + max(value.height for value in values)


def _compared(left: _Value, sign: str, right: _Value) -> _Value:
    is_equality = sign in {"=", "!="}
    if PropertyKind.NOTHING in {left.kind, right.kind} and is_equality:
        value = left if right.kind is PropertyKind.NOTHING else right
        return _leaf(f"{value.sql} IS {'' if sign == '=' else 'NOT '}NULL", value.parameters, value)
    if left.kind is not right.kind or (
        left.kind in {PropertyKind.FLAG, PropertyKind.GUID} and not is_equality
    ):
        raise _incompatible(sign, left, right)
    if left.kind is PropertyKind.FLAG:
        return _compared_flags(left, sign, right)
    if left.is_constant and not right.is_constant:
        left, sign, right = right, _MIRRORED.get(sign, sign), left
    name, wanted = left.sql, right
    if left.source is not None and left.source.folded and right.is_constant:
        name, wanted = left.source.folded, _text(name_key(right.constant))
    parameters = (*left.parameters, *wanted.parameters)
    optimised = left.source is not None and left.source.optimised and sign == "=" and right.is_constant
    match sign:
        case "=" if right.is_constant:
            # Not `IS`, which wouldn't use the index.
            sql = f"{name} = {wanted.sql}"
        case "=" | "!=":
            sql = f"{name} {'IS' if sign == '=' else 'IS NOT'} {wanted.sql}"
        case _ if left.kind is PropertyKind.TEXT:
            # NULL sorts before every string.
            sql = f"ifnull({name}, '') {sign} ifnull({wanted.sql}, '')"
        case _:
            sql = f"{name} {sign} {wanted.sql}"
    return _leaf(sql, parameters, left, right, optimised=optimised)


_MIRRORED: Final = {"<": ">", "<=": ">=", ">": "<", ">=": "<="}


def _incompatible(sign: str, left: _Value, right: _Value) -> ApiError:
    shown = "==" if sign == "=" else sign
    return query_error(f"Operator '{shown}' incompatible with operand types '{left.kind}' and '{right.kind}'")


def _compared_flags(left: _Value, sign: str, right: _Value) -> _Value:
    sql = f"(({left.sql}) IS TRUE) {sign} (({right.sql}) IS TRUE)"
    parameters = (*left.parameters, *right.parameters)
    height = _above(left, right)
    if left.outcome is None and right.outcome is None:
        return _Value(PropertyKind.FLAG, sql, parameters, height=height)
    first, second = _outcome(left), _outcome(right)
    # Both at once, as digits: any other way would repeat one of them, doubling the size with each level.
    same, different = (1, 0) if sign == "=" else (0, 1)
    outcome = Condition(
        f"CASE 3 * ({first.sql}) + ({second.sql}) "
        f"WHEN 0 THEN {same} WHEN 4 THEN {same} WHEN 1 THEN {different} WHEN 3 THEN {different} ELSE 2 END",
        (*first.parameters, *second.parameters),
    )
    return _Value(PropertyKind.FLAG, sql, parameters, outcome, height=height)


def _outcome(value: _Value) -> Condition:
    return value.outcome or Condition(f"(({value.sql}) IS TRUE)", value.parameters)


def _negated(value: _Value) -> _Value:
    if value.kind is not PropertyKind.FLAG:
        raise query_error(f"Operator '!' incompatible with operand type '{value.kind}'")
    outcome = value.outcome and Condition(
        f"CASE {value.outcome.sql} WHEN 2 THEN 2 WHEN 1 THEN 0 ELSE 1 END", value.outcome.parameters
    )
    return _Value(
        PropertyKind.FLAG, f"({value.sql}) IS NOT TRUE", value.parameters, outcome, height=_above(value)
    )


def _joined(parts: list[_Value], sign: str) -> _Value:
    """Join conditions, evaluated from left to right until the result is known.

    Conditions in parentheses joined by the same operator become part of the same list.
    """
    if len(parts) == 1:
        return parts[0]
    every = tuple(
        condition
        for part in parts
        for condition in (part.joined[1] if part.joined and part.joined[0] == sign else [part])
    )
    return replace(_halved(every, sign), joined=(sign, every))


def _halved(parts: tuple[_Value, ...], sign: str) -> _Value:
    """Join by halves: a client's list of a thousand alternatives is long but not deep."""
    if len(parts) == 1:
        return parts[0]
    left, right = _halved(parts[: len(parts) // 2], sign), _halved(parts[len(parts) // 2 :], sign)
    if left.kind is not PropertyKind.FLAG or right.kind is not PropertyKind.FLAG:
        raise query_error(
            f"Operator '{'&&' if sign == 'AND' else '||'}' incompatible with operand types "
            f"'{left.kind}' and '{right.kind}'"
        )
    sql, parameters = f"({left.sql} {sign} {right.sql})", (*left.parameters, *right.parameters)
    height = _above(left, right)
    if left.outcome is None and right.outcome is None:
        return _Value(PropertyKind.FLAG, sql, parameters, height=height)
    first, second = _outcome(left), _outcome(right)
    continues, decides = (1, 0) if sign == "AND" else (0, 1)
    outcome = Condition(
        f"CASE {first.sql} WHEN {continues} THEN {second.sql} WHEN {decides} THEN {decides} ELSE 2 END",
        (*first.parameters, *second.parameters),
    )
    return _Value(PropertyKind.FLAG, sql, parameters, outcome, height=height)


def _too_deep() -> ApiError:
    return query_error("The expression is nested too deeply")
