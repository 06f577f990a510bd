"""The differences between live organisations and Xero's OpenAPI file, where the sandbox follows the former.

Every entry changes the description before answers are held against it, and says why. Whatever is not
listed here must match.
"""

from __future__ import annotations

from typing import Any

Schemas = dict[str, Any]


def apply(schemas: Schemas) -> None:
    """Change the description's `components/schemas` where live answers are known to differ."""
    _describe_envelope(schemas)
    _describe_stubs(schemas)
    _describe_wire_names(schemas)
    _close(schemas)


_ENVELOPE = {
    "Id": {"type": "string", "format": "uuid"},
    "Status": {"type": "string", "enum": ["OK"]},
    "ProviderName": {"type": "string"},
    "DateTimeUTC": {"type": "string", "pattern": r"^/Date\(\d+\)/$"},
}


def _describe_envelope(schemas: Schemas) -> None:
    """Add the envelope: the file's examples have it around every list, its schemas leave it out."""
    for name in (
        "Contacts", "ContactGroups", "HistoryRecords", "Organisations", "Invoices", "CreditNotes", "Payments",
        "BankTransactions", "RepeatingInvoices",
    ):  # fmt: skip
        schemas[name]["properties"] |= _ENVELOPE
        schemas[name]["required"] = [*_ENVELOPE]


_JUDGEMENT = {
    "HasValidationErrors": {"type": "boolean"},
    "StatusAttributeString": {"type": "string", "enum": ["OK", "ERROR"]},
    "ValidationErrors": {"type": "array", "items": {"$ref": "#/components/schemas/ValidationError"}},
}


def _describe_stubs(schemas: Schemas) -> None:
    """Let groups, notes, phones and addresses carry a judgement, as contacts do, and 400s whole elements.

    The file's examples show `HasValidationErrors` in groups and `ValidationErrors` in notes, and in a
    400 the element as it was sent; its `ContactWriteResult` knows identifiers and errors only.
    """
    for name in ("ContactGroup", "HistoryRecord"):
        schemas[name]["properties"] |= _JUDGEMENT
    for name in ("Address", "Phone"):
        schemas[name]["properties"]["ValidationErrors"] = _JUDGEMENT["ValidationErrors"]
    for name in ("Contact", "ContactGroup"):
        schemas["Element"]["properties"] |= schemas[name]["properties"]


def _describe_wire_names(schemas: Schemas) -> None:
    """Let notes carry `DateUTCString`: the file's own example has it, its schema does not."""
    schemas["HistoryRecord"]["properties"]["DateUTCString"] = {"type": "string"}


def _close(schemas: Schemas) -> None:
    """Allow no other properties: the file forbids none, which would let any misspelling pass."""
    for schema in schemas.values():
        if "properties" in schema:
            schema.setdefault("type", "object")
            schema["additionalProperties"] = False
