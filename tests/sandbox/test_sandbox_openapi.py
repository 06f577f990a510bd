"""Every reply of the sandbox is checked against Xero's own OpenAPI description."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from openapi_schema_validator import OAS30ReadValidator, oas30_format_checker
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT4
from support.accepted_differences import apply
from support.practice import http
from support.xero_calls import XeroCalls

if TYPE_CHECKING:
    from support.practice import PracticeXero, Reply

SPECIFICATION = Path(__file__).resolve().parents[3] / "shared" / "spec"
TRANSACTIONS = ("Invoices", "CreditNotes", "Payments", "BankTransactions", "RepeatingInvoices")
pytestmark = pytest.mark.skipif(
    not SPECIFICATION.is_dir(), reason="Xero's OpenAPI description is not beside the checkout"
)


@cache
def _description(name: str) -> dict[str, Any]:
    text = (SPECIFICATION / name).read_text(encoding="utf-8")
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    description: dict[str, Any] = yaml.load(text, loader)  # noqa: S506 - one of the two safe loaders
    if name == "xero_accounting.yaml":
        apply(description["components"]["schemas"])
    return description


def _mistakes(schema: dict[str, Any], answer: Any, name: str = "xero_accounting.yaml") -> list[str]:
    resource = Resource.from_contents(_description(name), default_specification=DRAFT4)
    validator = OAS30ReadValidator(
        _local(schema),
        registry=Registry().with_resource("urn:xero", resource),
        format_checker=oas30_format_checker,
    )
    return [f"{error.json_path}: {error.message}" for error in validator.iter_errors(answer)]


def _local(schema: Any) -> Any:
    """Let the references of a response lead to the whole description."""
    if isinstance(schema, dict):
        return {key: f"urn:xero{value}" if key == "$ref" else _local(value) for key, value in schema.items()}
    return schema


def _schema(path: str, method: str, status: int) -> dict[str, Any]:
    description = _description("xero_accounting.yaml")
    response = description["paths"][path][method.lower()]["responses"][str(status)]
    if "$ref" in response:
        response = description["components"]["responses"][response["$ref"].rpartition("/")[2]]
    found: dict[str, Any] = response["content"]["application/json"]["schema"]
    return found


def _holds(reply: Reply, path: str, method: str, status: int = 200) -> None:
    assert reply.status == status, reply.body
    assert _mistakes(_schema(path, method, status), reply.json()) == []


@pytest.mark.parametrize(
    "query",
    [
        {"page": 1, "pageSize": 1000, "includeArchived": "true"},
        {"includeArchived": "true"},
        {"page": 1, "summaryOnly": "true"},
        {"page": 99},
    ],
    ids=["pages", "unpaged", "summary", "empty"],
)
def test_lists_match_the_api_description(xero: XeroCalls, query: dict[str, Any]) -> None:
    _holds(xero.call("GET", "Contacts", **query), "/Contacts", "GET")


@pytest.mark.parametrize("path", TRANSACTIONS)
@pytest.mark.parametrize(
    "query",
    [{"page": 1, "pageSize": 1000}, {"page": 1, "summaryOnly": "true"}, {"page": 99}],
    ids=["pages", "summary", "empty"],
)
def test_transactions_match_the_api_description(
    practice: PracticeXero, path: str, query: dict[str, Any]
) -> None:
    xero = XeroCalls(practice, practice.access_token("refresh_token_with_activity"), practice.tenant_id)
    _holds(xero.call("GET", path, **query), f"/{path}", "GET")


@pytest.mark.parametrize("path", TRANSACTIONS)
def test_transactions_need_their_scope(xero: XeroCalls, path: str) -> None:
    refused = xero.call("GET", path)
    assert (refused.status, refused.json()["Detail"]) == (403, "AuthenticationUnsuccessful")


def test_single_resources_match_the_api_description(practice: PracticeXero, xero: XeroCalls) -> None:
    into = practice.create("Described, stays")
    contact_id = practice.create(
        "Described",
        FirstName="D",
        ContactPersons=[{"FirstName": "P", "IncludeInEmails": True}],
        TaxNumber="12-345",
    )
    practice.somebody("balances", contact_id, AccountsReceivable={"Outstanding": 12.5})
    practice.somebody("merge", contact_id, into=into)
    _holds(xero.call("GET", f"Contacts/{contact_id}"), "/Contacts/{ContactID}", "GET")
    history = "/Contacts/{ContactID}/History"
    _holds(xero.call("GET", f"Contacts/{contact_id}/History"), history, "GET")
    note = {"HistoryRecords": [{"Details": "A note"}]}
    _holds(xero.call("PUT", f"Contacts/{contact_id}/History", note), history, "PUT")
    _holds(xero.call("GET", "ContactGroups"), "/ContactGroups", "GET")
    _holds(xero.call("GET", "Organisation"), "/Organisation", "GET")


def test_writes_and_element_errors_match_the_api_description(practice: PracticeXero, xero: XeroCalls) -> None:
    made = xero.call("PUT", "Contacts", {"Name": "Described PUT"})
    _holds(made, "/Contacts", "PUT")
    contact_id = made.json()["Contacts"][0]["ContactID"]
    other = practice.create("Described POST")
    xero.archive(contact_id)
    _holds(xero.set_status(contact_id, other), "/Contacts", "POST")
    _holds(xero.call("POST", f"Contacts/{practice.create('Described path')}", {"LastName": "L"}),
           "/Contacts/{ContactID}", "POST")  # fmt: skip


def test_refusals_match_the_api_description(xero: XeroCalls) -> None:
    contact_id = xero.contacts(page=1)[0]["ContactID"]
    _holds(xero.call("PUT", "Contacts", {"Name": ""}), "/Contacts", "PUT", 400)
    _holds(xero.call("POST", "Contacts", "no contacts"), "/Contacts", "POST", 400)
    _holds(xero.call("POST", f"Contacts/{contact_id}", {"Name": 5}), "/Contacts/{ContactID}", "POST", 400)
    error = {"$ref": "#/components/schemas/Error"}
    refused = xero.call("GET", "Contacts", where="nonsense")
    assert (refused.status, _mistakes(error, refused.json())) == (400, [])


def test_groups_match_the_api_description(practice: PracticeXero, xero: XeroCalls) -> None:
    made = xero.call("PUT", "ContactGroups", {"Name": "Described group"})
    _holds(made, "/ContactGroups", "PUT")
    _holds(xero.call("PUT", "ContactGroups", {"Name": "Described group"}), "/ContactGroups", "PUT", 400)
    group_id = made.json()["ContactGroups"][0]["ContactGroupID"]
    one = "/ContactGroups/{ContactGroupID}"
    members = {"Contacts": [{"ContactID": practice.create("Described member")}]}
    added = xero.call("PUT", f"ContactGroups/{group_id}/Contacts", members)
    _holds(added, f"{one}/Contacts", "PUT")
    _holds(xero.call("GET", f"ContactGroups/{group_id}"), one, "GET")
    _holds(xero.call("POST", f"ContactGroups/{group_id}", {"Status": "DELETED"}), one, "POST")


def test_connections_and_tokens_match_the_api_description(practice: PracticeXero) -> None:
    bearer = {"Authorization": f"Bearer {practice.access_token()}"}
    connections = http("GET", f"{practice.api}/connections", headers=bearer).json()
    shape = {"type": "array", "items": {"$ref": "#/components/schemas/Connection"}}
    # The identity file says date-time, but the live service leaves out the zone, and so do we.
    zoned = [
        one | {key: f"{one[key]}Z" for key in ("createdDateUtc", "updatedDateUtc")} for one in connections
    ]
    assert _mistakes(shape, zoned, "xero_identity.yaml") == []
    assert len(connections) == 2


def test_check_notices_a_misspelled_field(xero: XeroCalls) -> None:
    answer = xero.call("GET", "Contacts", page=1).json()
    answer["Contacts"][0]["ContactStatsu"] = "ACTIVE"
    answer["Contacts"][1]["ContactStatus"] = "ASLEEP"
    answer["Contacts"][2]["Name"] = 7
    answer["Contacts"][3]["ContactID"] = "no id"
    assert len(_mistakes(_schema("/Contacts", "GET", 200), answer)) == 4
