"""The filter language, tried on a few contacts."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest

from tui.sandbox.accounting.where import CONTACT_GROUP, Condition, Where, parse
from tui.sandbox.books import ARCHIVED, Books, blank
from tui.sandbox.context import Clock
from tui.sandbox.database import SandboxDatabase
from tui.sandbox.responses import ApiError
from tui.sandbox.sample_data import seed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from support.xero_calls import XeroCalls

pytestmark = pytest.mark.slow

ID = "5f7b8c1d-3a2e-4c6f-8d9a-0b1c2d3e4f50"
CONTACTS: dict[str, dict[str, Any]] = {
    "Anna": {
        "ContactID": ID, "AccountNumber": "A-1", "FirstName": "Anna", "EmailAddress": "Anna@mail.example",
        "IsCustomer": True, "TaxNumber": "12 34",
    },
    "anton ÄRGER": {"LastName": "Ärger", "AccountNumber": "B-2", "EmailAddress": "b@mail.example"},
    'The "Quick" 100%_Club': {"IsSupplier": True, "FirstName": "Anna", "LastName": "Anna"},
    "Zed": {"AccountNumber": "a-1x", "ContactStatus": ARCHIVED},
}  # fmt: skip


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SandboxDatabase]:
    file = tmp_path_factory.mktemp("where") / "practice.sqlite"
    seed(file, 1)
    database = SandboxDatabase(file)
    database.execute("DELETE FROM contacts")
    books = Books(database, Clock())
    for number, (name, fields) in enumerate(CONTACTS.items()):
        books.create(1, blank(f"00000000-0000-4000-8000-00000000000{number}", name) | fields, "Test")
        database.execute(
            "UPDATE contacts SET updated = ? WHERE name = ?", (1_790_000_000_000 + number * 86_400_000, name)
        )
    yield database
    database.close()


def names(database: SandboxDatabase, condition: Condition) -> list[str]:
    sql = f"SELECT substr(name, 1, 3) FROM contacts WHERE {condition.sql} ORDER BY updated"  # noqa: S608 - what is tested
    return [row[0] for row in database.all(sql, condition.parameters)]


def found(database: SandboxDatabase, text: str) -> str:
    where = parse(text)
    if where.error_condition is not None:
        assert names(database, where.error_condition) == []
    return " ".join(names(database, where.matches))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        # Texts, and the quote inside one.
        ('Name=="ANNA"', "Ann"),
        ('Name = "anna"', "Ann"),
        ('Name=="The ""Quick"" 100%_Club"', "The"),
        ('"anna" == Name', "Ann"),
        ('Name!="Anna"', "ant The Zed"),
        ('Name<>"Anna"', "ant The Zed"),
        ('EmailAddress=="anna@MAIL.example"', "Ann"),
        ('AccountNumber=="A-1"', "Ann"),
        ('AccountNumber!="A-1"', "ant The Zed"),
        ('TaxNumber=="12 34"', "Ann"),
        ("FirstName==LastName", "The Zed"),
        ('ContactStatus!="ARCHIVED"', "Ann ant The"),
        ('name=="anna" and CONTACTSTATUS=="ACTIVE"', "Ann"),
        # Nothing.
        ("AccountNumber==null", "The"),
        ("AccountNumber != NULL", "Ann ant Zed"),
        ("null == FirstName", "ant Zed"),
        ("Name==null", ""),
        ("UpdatedDateUTC!=null", "Ann ant The Zed"),
        # Methods, in any case.
        ('Name.Contains("an")', "Ann ant"),
        ('name.contains("AN")', "Ann ant"),
        ('Name.CONTAINS("0%_")', "The"),
        ('Name.Contains("%")', "The"),
        ('Name.Contains("")', "Ann ant The Zed"),
        ('Name.startswith("a")', "Ann ant"),
        ('Name.EndsWith("Club")', "The"),
        ('Name.ToLower()=="anna"', "Ann"),
        ('Name.ToLower()=="Anna"', ""),
        ('Name.tolower().contains("ärger")', "ant"),
        ('Name.ToUpper().StartsWith("AN")', "Ann ant"),
        ('Name.ToUpper().EndsWith("ER")', "ant"),
        ('Name.ToUpper().Contains("an")', ""),
        ('Name.ToLower().StartsWith("") AND Name.ToLower().EndsWith("a")', "Ann"),
        ('Name.Trim().ToLower() == " ANNA ".Trim().ToLower()', "Ann"),
        ('Name.Contains("an")==true', "Ann ant"),
        ('Name.Equals("ANNA")', "Ann"),
        ('Name.ToUpper().equals("ANNA")', "Ann"),
        ('!ContactStatus.Equals("ACTIVE")', "Zed"),
        ("IsCustomer.Equals(true)", "Ann"),
        (f'ContactID.Equals(Guid("{ID.upper()}"))', "Ann"),
        ("Name.Length == 4", "Ann"),
        ('Name.Trim().length <= "four".Length', "Ann Zed"),
        ("AccountNumber != null AND AccountNumber.Length > 3", "Zed"),
        ('Name.Contains("an")!=true', "The Zed"),
        ('ContactID.ToString().StartsWith("5f7b")', "Ann"),
        # Identifiers, in any spelling.
        (f'ContactID==Guid("{ID}")', "Ann"),
        (f'ContactID = guid("{ID.upper()}")', "Ann"),
        (f'ContactID==GUID("{ID.replace("-", "")}")', "Ann"),
        (f'ContactID!=Guid("{{{ID}}}")', "ant The Zed"),
        # Flags.
        ("IsCustomer==true", "Ann"),
        ("IsCustomer == FALSE", "ant The Zed"),
        ("IsSupplier!=false", "The"),
        ("IsCustomer", "Ann"),
        ("!IsCustomer", "ant The Zed"),
        ("not (IsCustomer or IsSupplier)", "ant Zed"),
        ("IsCustomer==IsSupplier", "ant Zed"),
        ("true", "Ann ant The Zed"),
        # Moments: the contacts are of 21 to 24 September 2026, 14:13:20 UTC.
        ("UpdatedDateUTC >= DateTime(2026, 9, 23)", "The Zed"),
        ("UpdatedDateUTC>=DateTime(2026,09,23,14,13,20)", "The Zed"),
        ("UpdatedDateUTC > DateTime(2026, 9, 23, 14, 13, 20)", "Zed"),
        ("UpdatedDateUTC >= DateTime(2026, 9, 23, 14, 13, 20, 1)", "Zed"),
        ("UpdatedDateUTC >= DateTime(2026, 9, 23, 14, 13, 19, 999)", "The Zed"),
        ("UpdatedDateUTC < datetime(2026, 9, 22) OR UpdatedDateUTC<=DateTime(2026, 9, 22)", "Ann"),
        ("DateTime(2026, 9, 23) < UpdatedDateUTC", "The Zed"),
        ('UpdatedDateUTC > DateTime.Parse("2026-09-24")', "Zed"),
        ('UpdatedDateUTC > DateTime.parse("2026-09-24T14:00:00Z")', "Zed"),
        # Order of texts, numbers.
        ('Name >= "t"', "The Zed"),
        ('Name < "ANTON"', "Ann"),
        ('"t" <= Name', "The Zed"),
        ("1 < 2.5", "Ann ant The Zed"),
        ("-1 >= 0", ""),
        # Joined conditions: precedence, parentheses, both spellings.
        ('Name=="Anna" OR Name=="Zed"', "Ann Zed"),
        ('Name=="Anna" || Name=="Zed" && IsCustomer', "Ann"),
        ('(Name=="Anna" || Name=="Zed") && !IsCustomer', "Zed"),
        ('IsCustomer AND Name=="Anna" or IsSupplier', "Ann The"),
        ('((((Name=="Zed"))))', "Zed"),
        # A null check before a method.
        ('AccountNumber != null && AccountNumber.Contains("-1")', "Ann Zed"),
        ('AccountNumber!=null AND AccountNumber.ToLower().StartsWith("a")', "Ann Zed"),
        ('AccountNumber == null || AccountNumber.EndsWith("2")', "ant The"),
        (
            '(AccountNumber != null) && (AccountNumber.Contains("x") || AccountNumber.Contains("2"))',
            "ant Zed",
        ),
        ('!(AccountNumber == null) && !AccountNumber.Contains("-1")', "ant"),
        ('ContactStatus=="ARCHIVED" && AccountNumber.Contains("x")', "Zed"),
        ('FirstName != null && (LastName == null || LastName.Contains("a"))', "Ann The"),
    ],
)
def test_filters_find_matching_contacts(database: SandboxDatabase, text: str, expected: str) -> None:
    assert found(database, text) == expected


@pytest.mark.parametrize(
    "text",
    [
        'AccountNumber.Contains("x")',
        'accountnumber.startswith("x")',
        'EmailAddress.EndsWith(".example")',
        'FirstName.ToLower()=="anna"',
        'LastName.Trim().ToUpper().Contains("A")',
        'TaxNumber.Contains("1")',
        'AccountNumber.Equals("A-1")',
        "FirstName.Length > 3",
        # The null check comes too late, is for another field, or the wrong way round.
        'AccountNumber.Contains("x") && AccountNumber != null',
        'FirstName != null && AccountNumber.Contains("x")',
        'AccountNumber == null && AccountNumber.Contains("x")',
        'AccountNumber != null || AccountNumber.Contains("x")',
        'IsSupplier || AccountNumber != null && FirstName.Contains("A")',
        '!AccountNumber.Contains("x")',
        'AccountNumber.Contains("x") == false',
        'Name == "Anna" || LastName.Contains("x")',
    ],
)
def test_method_on_an_empty_field_is_an_error(database: SandboxDatabase, text: str) -> None:
    fails = parse(text).error_condition
    assert fails is not None
    assert names(database, fails)


@pytest.mark.parametrize(
    ("text", "fast"),
    [
        ('Name=="x"', True),
        ('(EmailAddress == "x")', True),
        ('"x"=AccountNumber', True),
        ('Name!="x"', False),
        ('Name>="x"', False),
        ('Name.ToLower()=="x"', False),
        ('FirstName=="x"', False),
        ('Name=="x" AND AccountNumber=="y"', False),
        ('Name=="x" OR Name=="y"', False),
        ("Name==FirstName", False),
        ("Name==null", False),
    ],
)
def test_three_filters_are_accepted_as_optimised(text: str, fast: bool) -> None:  # noqa: FBT001 - a column of the table
    assert parse(text).fast is fast


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("=", "Expression expected"),
        ("Name==", "Expression expected"),
        ('Name=="a" AND', "Expression expected"),
        ('OR Name=="a"', "No property or field 'OR'"),
        ('Name=="a" "b"', "Syntax error"),
        ('Name=="a",Name=="b"', "Syntax error"),
        ("()", "Expression expected"),
        ('(Name=="a"', "')' or operator expected"),
        ('Name=="a")', "Syntax error"),
        ('Name=="unfinished', "Unterminated string literal"),
        ('Name=="half a ""quote', "Unterminated string literal"),
        ("Name=='a'", "Character literal"),
        ("Name==;", "Syntax error ';'"),
        ('Shoe=="42"', "No property or field 'Shoe' exists in type 'Contact'"),
        ("ContactStatus==ACTIVE", "No property or field 'ACTIVE'"),
        ("Name", "Expression of type 'Boolean' expected"),
        ("Name && IsCustomer", "incompatible with operand types 'String' and 'Boolean'"),
        ("!Name", "incompatible with operand type 'String'"),
        (f'ContactID=="{ID}"', "Operator '==' incompatible with operand types 'Guid' and 'String'"),
        (f'ContactID>Guid("{ID}")', "incompatible"),
        ('ContactID==Guid("no id")', "Guid should contain"),
        ("ContactID==Guid(5)", "Guid should contain"),
        ("ContactID==Guid", "'(' expected"),
        ("Name==7", "'String' and 'Double'"),
        ("1==٣", "Syntax error '٣'"),
        ("IsCustomer==7", "'Boolean' and 'Double'"),
        ("IsCustomer>false", "incompatible"),
        ("Name>null", "incompatible"),
        ('UpdatedDateUTC>"2026-01-01"', "'DateTime' and 'String'"),
        ("UpdatedDateUTC>DateTime(2026,13,1)", "un-representable"),
        ("UpdatedDateUTC>DateTime(2026,1)", "constructor"),
        ('UpdatedDateUTC>DateTime("2026",1,1)', "constructor"),
        ('UpdatedDateUTC>DateTime.Parse("soon")', "not recognized"),
        ("UpdatedDateUTC>DateTime.Now()", "No applicable method 'Now'"),
        ('Name.Sounds("x")', "No applicable method 'Sounds' exists in type 'String'"),
        ("Name.Contains(1)", "No applicable method 'Contains'"),
        ('Name.Contains("a", "b")', "No applicable method"),
        ('Name.ToLower("a")', "No applicable method"),
        ("Name.Equals()", "No applicable method 'Equals'"),
        ('Name.Equals("a", "b")', "No applicable method 'Equals'"),
        ("Name.Equals(7)", "'String' and 'Double'"),
        ("Name.Length", "Expression of type 'Boolean' expected"),
        ('Name.Length.Contains("1")', "exists in type 'Double'"),
        ("UpdatedDateUTC>DateTime(2026,1,1,0,0,0,1000)", "un-representable"),
        ("Name.Contains(FirstName)", "text in double quotes"),
        ('IsCustomer.Contains("x")', "exists in type 'Boolean'"),
        ('Name."x"', "Identifier expected"),
        ("Name == -Name", "Expression expected"),
        ("(" * 60 + "IsCustomer" + ")" * 60, "nested too deeply"),
        ("!" * 5000 + "IsCustomer", "nested too deeply"),
    ],
)  # fmt: skip
def test_invalid_filter_is_refused(text: str, message: str) -> None:
    with pytest.raises(ApiError, match=re.escape(message)) as refused:
        parse(text)
    assert (refused.value.number, refused.value.kind) == (16, "QueryParseException")


def test_long_filters_are_not_nested_too_deeply(database: SandboxDatabase) -> None:
    ids = [f"00000000-0000-4000-8000-{number:012}" for number in range(1500)]
    assert found(database, " OR ".join(f'ContactID==Guid("{one}")' for one in ids)) == "ant The Zed"
    checks = ['AccountNumber!=null AND AccountNumber.Contains("-")'] * 500
    assert found(database, " AND ".join(checks)) == "Ann ant Zed"
    assert found(database, "(" * 20 + " OR ".join(checks) + ")" * 20) == "Ann ant Zed"


_FAILING = 'AccountNumber.Contains("x")'


@pytest.mark.parametrize(
    "kind",
    [
        lambda n: "FirstName" + ".Trim()" * n + '=="a"',
        lambda n: "true" + "==true" * n,
        lambda n: _FAILING + "==true" * n,
        lambda n: "true==(" * n + _FAILING + ")" * n,
        lambda n: "!(" * n + _FAILING + ")" * n,
        lambda n: "(IsCustomer && (IsSupplier || " * (n // 2) + _FAILING + "))" * (n // 2),
        lambda n: "((" * (n // 2) + _FAILING + " && IsCustomer) || IsSupplier)" * (n // 2),
        lambda n: "!(true==" * (n // 2) + "(" + " OR ".join([_FAILING] * 500) + ")" + ")" * (n // 2),
    ],
)
def test_filter_of_any_depth_is_answered_or_refused(
    database: SandboxDatabase, kind: Callable[[int], str]
) -> None:
    refused = []
    for depth in range(40):
        where = _understood(kind(depth))
        if where is None:
            refused.append(depth)
            continue
        for condition in filter(None, (where.matches, where.error_condition)):
            names(database, condition)
            # Grows with the filter, not by doubling.
            assert len(condition.sql) < 200 * (len(kind(depth)) + 20)
    # A few levels always work, and none beyond the first refused one.
    assert refused == list(range(refused[0], 40))
    assert refused[0] > 4
    with pytest.raises(ApiError, match="nested too deeply"):
        parse(kind(39))


def _understood(text: str) -> Where | None:
    try:
        return parse(text)
    except ApiError:
        return None


def test_nested_parentheses_of_one_operator_are_accepted(database: SandboxDatabase) -> None:
    depth = 40
    left = "(" * depth + "IsCustomer" + " OR IsSupplier)" * depth
    right = "(IsCustomer OR " * depth + "IsSupplier" + ")" * depth
    assert found(database, left) == found(database, right) == "Ann The"


def test_other_resources_have_other_properties() -> None:
    assert parse('Status=="ACTIVE" && Name.StartsWith("T")', CONTACT_GROUP, "ContactGroup").matches.parameters
    with pytest.raises(ApiError, match="'EmailAddress' exists in type 'ContactGroup'"):
        parse('EmailAddress=="x"', CONTACT_GROUP, "ContactGroup")


@pytest.mark.parametrize("page", [{}, {"page": 1}, {"page": 1, "includeArchived": "true"}])
def test_failing_filter_is_a_500_like_live(xero: XeroCalls, page: dict[str, Any]) -> None:
    reply = xero.call("GET", "Contacts", where='AccountNumber.Contains("zz")', **page)
    problem = reply.json()
    assert (reply.status, problem["Status"], problem["Title"]) == (500, 500, "An error occurred")
    assert "An error occurred in Xero" in problem["Detail"]
    guarded = 'AccountNumber != null && AccountNumber.Contains("zz")'
    assert xero.contacts(where=guarded, **page) == []
    # No contact with an empty field is evaluated, so nothing fails.
    [one] = xero.contacts(where="AccountNumber != null", page=1, pageSize=1)
    found = xero.contacts(IDs=one["ContactID"], where=f'AccountNumber.Contains("{one["AccountNumber"]}")')
    assert [contact["ContactID"] for contact in found] == [one["ContactID"]]
