"""Triggers that more than one migration creates."""

from __future__ import annotations


def append_only(table: str) -> tuple[str, ...]:
    """Reject updates and deletes on a table, from this program and any other."""
    return tuple(
        f"""
        CREATE TRIGGER {table}_no_{verb.lower()} BEFORE {verb} ON {table}
        BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END
        """
        for verb in ("UPDATE", "DELETE")
    )
