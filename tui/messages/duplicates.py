"""Texts about probable duplicates: what they have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tui.model.duplicates import DuplicateReason

if TYPE_CHECKING:
    from collections.abc import Iterable

REASON_LABELS: Final = {
    DuplicateReason.SAME_NAME: "same name",
    DuplicateReason.COMPANY_FORM: "same name without Ltd or the like",
    DuplicateReason.WORD_ORDER: "same words in another order",
    DuplicateReason.SPELLING: "similar spelling",
    DuplicateReason.INITIALS: "initials fit",
    DuplicateReason.EXTRA_WORD: "same name, and a word more",
    DuplicateReason.EMAIL: "same e-mail",
    DuplicateReason.PHONE: "same phone",
    DuplicateReason.TAX_NUMBER: "same tax number",
    DuplicateReason.BANK_ACCOUNT: "same bank account",
    DuplicateReason.ACCOUNT_NUMBER: "same account number",
}


def reasons_text(reasons: Iterable[DuplicateReason]) -> str:
    """List what two contacts have in common."""
    return ", ".join(REASON_LABELS[reason] for reason in reasons)
