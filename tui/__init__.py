"""Reshelve: browse, archive and restore Xero contacts in a terminal, and watch Re-Leased pick it up."""

from __future__ import annotations

__version__ = "0.1.0"
