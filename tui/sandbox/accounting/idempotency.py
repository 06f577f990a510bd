"""`Idempotency-Key`: the first answer, errors too, is given again for six minutes."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from tui.sandbox.accounting.responses import ApiResponse, validation

if TYPE_CHECKING:
    from collections.abc import Callable

    from tui.sandbox.accounting.request_pipeline import ApiCall

_LIFE_MS = 6 * 60 * 1000
_LONGEST = 128


def run_once(call: ApiCall, key: str, target: str, perform: Callable[[], ApiResponse]) -> ApiResponse:
    """Perform a write, or give the answer it had.

    Runs inside the caller's transaction, so that a crash keeps both the write and its answer or neither.
    """
    if len(key) > _LONGEST:
        return validation(f"The Idempotency-Key may have at most {_LONGEST} characters.").answer()
    database, now = call.practice.database, call.now
    fingerprint = hashlib.sha256(target.encode() + b"\0" + call.body).digest()
    database.execute("DELETE FROM idempotency WHERE at <= ?", (now - _LIFE_MS,))
    known = database.one("SELECT * FROM idempotency WHERE org = ? AND key = ?", (call.org, key))
    if known is None:
        answer = perform()
        database.execute(
            "INSERT INTO idempotency VALUES (?, ?, ?, ?, ?, ?, ?)",
            (call.org, key, fingerprint, now, answer.status, answer.content_type, answer.body),
        )
        return answer
    if known["fingerprint"] != fingerprint:
        return validation("The Idempotency-Key was used before with a different request.").answer()
    return ApiResponse(known["status"], known["body"], known["content_type"])
