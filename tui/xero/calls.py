"""One call to Xero's API: paced, signed in, and its failures told apart."""

from __future__ import annotations

import asyncio
import re
import time
from contextlib import contextmanager
from datetime import UTC, datetime
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

from msgspec import Struct, field

from tui.model.errors import OfflineError, XeroError
from tui.xero import failures
from tui.xero.answers import CallsLeft
from tui.xero.dates import date_of
from tui.xero.limits import Pace, Slot, Urgency

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    import httpx

    from tui.xero.http import Line
    from tui.xero.signing.tokens import TokenSource

# Seven digits are more calls than anyone has.
_CALLS: Final = re.compile(r"[0-9]{1,7}")
# Seconds without an answer after which the person is to know.
_SILENCE: Final = 5.0
# New tokens for one call, while Xero says that those it came with have ended.
_RENEWALS: Final = 2
_SIGN_IN_REFUSED: Final = frozenset({HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN})


class Call(Struct, frozen=True):
    """What is asked; `path` follows the API's base address."""

    method: str
    path: str
    urgency: Urgency
    params: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    content: bytes | None = None


class Caller:
    """Makes calls for one organisation, or, without a tenant id, for the sign-in itself."""

    def __init__(
        self,
        *,
        api_url: str,
        tokens: TokenSource,
        tenant_id: str = "",
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self._api_url = api_url
        self._tokens = tokens
        self._tenant_id = tenant_id
        self._transport = transport
        self.pace = Pace()
        self._opening = asyncio.Lock()
        self._line: Line | None = None
        self.calls_left = CallsLeft()
        self.last_answer_at: datetime | None = None
        #: Called with Xero's time, in whole seconds, as each answer tells it, and with the seconds that the
        #: answer took: it was that time some moment within them.
        self.on_dated: Callable[[datetime, float], None] = lambda _date, _took: None
        #: Called with the seconds that a call, or the sign-in it needs, has been without an answer once they
        #: are many, and with None when nothing waits for so long any more.
        self.on_silence: Callable[[float | None], None] = lambda _: None
        self._silent = 0

    async def ask(self, call: Call) -> httpx.Response:
        """Make a call and return its 200. Raises the errors of `send`, and those of any other status."""
        response = await self.send(call)
        failures.raise_for_failure(response)
        return response

    async def send(self, call: Call) -> httpx.Response:
        """Make a call and return the answer, whatever its status.

        A 401 that is about the token is met with a new one and one more try, and with a second one, as the
        first can have been renewed a while ago, for another call. Nothing else is tried again: whoever calls
        knows best. Raises `OfflineError` when nothing was sent, `AnswerLostError` when no
        answer came, and what `TokenSource.access_token` raises.
        """
        with self._heeding_silence():
            token = await self._tokens.access_token()
        response = await self._send_once(call, token)
        for _ in range(_RENEWALS):
            if not failures.wants_new_token(response):
                break
            with self._heeding_silence():
                token = await self._tokens.access_token(stale=token)
            response = await self._send_once(call, token)
        if response.status_code in _SIGN_IN_REFUSED:
            # Whoever connects again saves tokens that may open what these didn't.
            self._tokens.forget()
        return response

    async def aclose(self) -> None:
        """Close the connections."""
        if self._line is not None:
            await self._line.aclose()
            self._line = None

    async def _send_once(self, call: Call, token: str) -> httpx.Response:
        headers = dict(call.headers)
        if self._tenant_id:
            headers["xero-tenant-id"] = self._tenant_id
        line = await self._open()
        async with self.pace.slot(call.urgency) as slot:
            asked_at = time.monotonic()
            with self._heeding_silence():
                answer = await line.send(
                    call.method,
                    call.path,
                    token=token,
                    params=call.params,
                    headers=headers,
                    content=call.content,
                )
            if isinstance(answer, XeroError):
                slot.reached_xero = not isinstance(answer, OfflineError)
                raise answer
            self._note(answer, slot, time.monotonic() - asked_at)
            return answer

    @contextmanager
    def _heeding_silence(self) -> Iterator[None]:
        """Tell the listener while what is awaited takes long."""
        is_silent = False

        def tell() -> None:
            nonlocal is_silent
            is_silent = True
            self._silent += 1
            if self._silent == 1:
                self.on_silence(_SILENCE)

        timer = asyncio.get_running_loop().call_later(_SILENCE, tell)
        try:
            yield
        finally:
            timer.cancel()
            if is_silent:
                self._silent -= 1
                if not self._silent:
                    self.on_silence(None)

    async def _open(self) -> Line:
        async with self._opening:
            if self._line is None:
                self._line = await asyncio.to_thread(_open_line, self._api_url, self._transport)
            return self._line

    def _note(self, response: httpx.Response, slot: Slot, took: float) -> None:
        headers = response.headers
        self.calls_left = CallsLeft(
            minute=_number(headers.get("X-MinLimit-Remaining")),
            day=_number(headers.get("X-DayLimit-Remaining")),
        )
        if response.status_code != HTTPStatus.TOO_MANY_REQUESTS:
            # A 429 brings its own waiting time, which whoever calls keeps to.
            slot.left = self.calls_left.minute
        if response.status_code < HTTPStatus.INTERNAL_SERVER_ERROR and not failures.is_foreign(response):
            self.last_answer_at = datetime.now(UTC)
            date = date_of(response)
            if date is not None:
                self.on_dated(date, took)


def _open_line(api_url: str, transport: httpx.AsyncBaseTransport | None) -> Line:
    """Load httpx and the certificates, which takes a tenth of a second: not in the screen's thread."""
    from tui.xero.http import Line  # noqa: PLC0415 - loaded when the first call is made, see above

    return Line(api_url, transport)


def _number(text: str | None) -> int | None:
    """Read how many calls are left; None for what no limit of Xero's can be."""
    return int(text) if text is not None and _CALLS.fullmatch(text) else None
