"""The scopes that Xero knows, as its documentation lists them (November 2026).

The practice services check those of contacts and settings. The others are granted and open nothing, so that a
client made for the live service signs in with all it asks for there.
"""

from __future__ import annotations

from typing import Final

_OPENID: Final = ("openid", "profile", "email", "offline_access")
# Each has a twin that ends in `.read`.
_WRITABLE: Final = (
    "accounting.attachments", "accounting.banktransactions", "accounting.contacts", "accounting.invoices",
    "accounting.manualjournals", "accounting.payments", "accounting.settings", "accounting.transactions",
    "assets", "files", "payroll.employees", "payroll.payruns", "payroll.payslip", "payroll.settings",
    "payroll.timesheets", "practicemanager", "practicemanager.client", "practicemanager.job",
    "practicemanager.staff", "practicemanager.time", "projects",
)  # fmt: skip
_REPORTS: Final = (
    "aged", "balancesheet", "banksummary", "budgetsummary", "executivesummary", "profitandloss",
    "taxreports", "tenninetynine", "trialbalance",
)  # fmt: skip
_OTHERS: Final = (
    "accounting.budgets.read", "accounting.journals.read", "accounting.reports.read", "app.connections",
    "bankfeeds", "einvoicing", "finance.accountingactivity.read", "finance.bankstatementsplus.read",
    "finance.cashvalidation.read", "finance.statements.read", "marketplace.billing", "paymentservices",
)  # fmt: skip

SCOPES: Final = frozenset(
    {
        *_OPENID,
        *_WRITABLE,
        *(f"{scope}.read" for scope in _WRITABLE),
        *(f"accounting.reports.{report}.read" for report in _REPORTS),
        *_OTHERS,
    }
)
