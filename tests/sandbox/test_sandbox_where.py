"""The filter language, by itself."""

from __future__ import annotations

import pytest

from tui.sandbox.accounting.answers import ApiError
from tui.sandbox.accounting.where import parse


@pytest.mark.parametrize(
    ("text", "sql", "parameters", "fast"),
    [
        ('Name=="Bayside ""Club"""', "name_key = ?", ('bayside "club"',), True),
        ('EmailAddress == "a@b.example"', "email = ?", ("a@b.example",), True),
        ('AccountNumber=="A-1"', "account_number = ?", ("A-1",), True),
        ('Name="x"', "name_key = ?", ("x",), True),
        ('Name!="x"', "name_key <> ?", ("x",), False),
        ('ContactStatus=="ACTIVE"', "status = ?", ("ACTIVE",), False),
        ("EmailAddress!=null", "email IS NOT NULL", (), False),
        ("EmailAddress==null", "email IS NULL", (), False),
        ('ContactID==Guid("AB-C")', "contact_id = ?", ("ab-c",), False),
        ('Name.Contains("5%_\\")', "name_key LIKE ? ESCAPE '\\'", ("%5\\%\\_\\\\%",), False),
        ('Name.StartsWith("A")', "name_key LIKE ? ESCAPE '\\'", ("a%",), False),
        ('Name=="a" AND ContactNumber=="b"', "name_key = ? AND contact_number = ?", ("a", "b"), False),
        ('Name=="a"&&FirstName=="b"', "name_key = ? AND first_name = ?", ("a", "b"), False),
    ],
)
def test_filters_become_sql(text: str, sql: str, parameters: tuple[str, ...], fast: bool) -> None:  # noqa: FBT001 - a column of the table
    where = parse(text)
    assert (where.sql, where.parameters, where.fast) == (sql, parameters, fast)


@pytest.mark.parametrize(
    "text",
    [
        "=",
        "Name==",
        'Name=="a" AND',
        'Name=="a" "b"',
        "Name.Contains(1)",
        'IsCustomer.Contains("x")',
        "ContactID==ACTIVE",
        "Name==;",
        "()",
    ],
)
def test_what_is_no_filter_is_refused(text: str) -> None:
    with pytest.raises(ApiError) as refused:
        parse(text)
    assert (refused.value.number, refused.value.kind) == (16, "QueryParseException")
