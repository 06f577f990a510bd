"""The eighth migration: why something happened to a change, as a code with parameters.

Older changes keep the sentence in `message`, where only Xero's own words are written now.
"""

from __future__ import annotations

from typing import Final

# Both are NULL if there is no reason of our own.
REASONS: Final = (
    "ALTER TABLE changes ADD COLUMN reason TEXT",
    "ALTER TABLE changes ADD COLUMN reason_params TEXT",  # a JSON object
)
