"""What a query finds, by checking every field of one contact: slow and simple."""

from __future__ import annotations

import json
import operator
import re
from typing import TYPE_CHECKING

from tui.model.contact import ContactStatus
from tui.model.query import (
    BalanceCondition,
    BalanceSide,
    ChangedCondition,
    ContactKind,
    CurrencyCondition,
    GroupCondition,
    KindCondition,
    NeverSyncedCondition,
    NoMatchCondition,
    Operator,
    OriginCondition,
    SyncCondition,
    fold,
    sync_filter_of,
)

if TYPE_CHECKING:
    from datetime import datetime

    from tui.model.contact import Contact
    from tui.model.query import PossibleCondition, Query
    from tui.model.snapshot import ChangeView

_COMPARE = {
    Operator.LESS: operator.lt,
    Operator.AT_MOST: operator.le,
    Operator.EQUAL: operator.eq,
    Operator.AT_LEAST: operator.ge,
    Operator.MORE: operator.gt,
}


def holds(one: Contact, word: str) -> bool:
    phone = "".join(one.phone.split())
    digits = "".join(char for char in phone if char.isdecimal())
    names = [fold(text) for text in (one.name, one.first_name, one.last_name)]
    texts = [*names, fold(one.account_number), fold(one.contact_number)]
    email = fold(one.email)
    if "@" in word or "." in word:
        return any(word in text for text in (*texts, email, fold(phone)))
    joined = [re.sub(r"\b-\b", "", text) for text in names]
    return any(
        word in text for text in (*texts, *joined, *re.split("@[a-z0-9.-]+", email), fold(phone), digits)
    )


def is_asked_for(
    query: Query,
    one: Contact,
    last: ChangeView | None,
    now: datetime,
    *,
    is_unlinked: bool = False,
    is_never_synced: bool = False,
    base_currency: str = "",
) -> bool:
    """Return whether a contact with such a last change is found on the tab All."""
    if not all(holds(one, word) for word in query.words) or any(
        holds(one, word) for word in query.excluded_words
    ):
        return False
    for wanted in query.filters:
        if isinstance(wanted.condition, NoMatchCondition):
            return False
        if isinstance(wanted.condition, NeverSyncedCondition):
            meets: bool | None = is_never_synced
        elif isinstance(wanted.condition, CurrencyCondition):
            currency = json.loads(one.raw).get("DefaultCurrency") or base_currency
            meets = currency == wanted.condition.currency if currency else None
        else:
            meets = _meets(wanted.condition, one, last, now, is_unlinked=is_unlinked)
        # Unknown values match neither a condition nor its opposite.
        if meets is None or meets is wanted.is_negated:
            return False
    return True


def _meets(
    condition: PossibleCondition,
    one: Contact,
    last: ChangeView | None,
    now: datetime,
    *,
    is_unlinked: bool,
) -> bool | None:
    if isinstance(condition, KindCondition):
        return {
            ContactKind.CUSTOMER: one.is_customer,
            ContactKind.SUPPLIER: one.is_supplier,
            ContactKind.ACTIVE: one.status is ContactStatus.ACTIVE,
            ContactKind.ARCHIVED: one.status is ContactStatus.ARCHIVED,
            ContactKind.GDPR: one.status is ContactStatus.GDPRREQUEST,
            ContactKind.DELETED: one.status is ContactStatus.DELETED,
            ContactKind.MERGED: bool(one.merged_to),
            ContactKind.NOT_LINKED: is_unlinked,
            # Of contacts without marks.
            ContactKind.KEPT: False,
            ContactKind.PROTECTED: False,
        }[condition.kind]
    if isinstance(condition, BalanceCondition):
        if one.balances is None:
            return None
        owing = {
            BalanceSide.RECEIVABLE: one.balances.receivable,
            BalanceSide.PAYABLE: one.balances.payable,
            BalanceSide.OVERDUE: one.balances.receivable_overdue,
        }[condition.side]
        return bool(_COMPARE[condition.operator](owing, condition.hundredths))
    if isinstance(condition, GroupCondition):
        groups = [" ".join(fold(group).split()) for group in one.groups]
        return any(
            each == condition.name if condition.is_exact else each.startswith(condition.name)
            for each in groups
        )
    if isinstance(condition, SyncCondition | OriginCondition):
        by_sync = isinstance(condition, SyncCondition) and sync_filter_of(last) is condition.sync
        by_origin = isinstance(condition, OriginCondition) and last and last.change.origin is condition.origin
        return bool(by_sync or by_origin)
    assert isinstance(condition, ChangedCondition)
    start, end = condition.bounds(now, None)
    return (start is None or one.updated_at >= start) and (end is None or one.updated_at < end)
