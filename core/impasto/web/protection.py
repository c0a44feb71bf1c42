"""Who may come in: hosts and origins are checked, tokens compared, and every answer says what a browser may do."""

from __future__ import annotations

import asyncio
import hmac
import json
import secrets
from collections.abc import Mapping
from http.cookies import CookieError, SimpleCookie
from urllib.parse import parse_qs, urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .settings import Settings

POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' blob: data:",
        "connect-src 'self'",
        "manifest-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
        "require-trusted-types-for 'script'",
    )
)
"""What a page of this server may load: from here alone, and no text as a script."""
HEADERS = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), microphone=(), geolocation=()",
}
CHANGING = ("POST", "PUT", "PATCH", "DELETE")
LONGEST_HEAD = 16 << 10
"""Bytes of the head of a request."""
SLOWEST = 60.0
"""Seconds in which a request has to be here whole."""
MOST_UPLOADS = 4
"""Requests with a body that are taken at once: each may fill `max_upload` of memory."""


class RefusedError(Exception):
    """A request that is answered with a number and a sentence.

    Args:
        status: of HTTP.
        message: what was asked, and what would work.
    """

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status, self.message = status, message


class Protected:
    """An application that only sees requests of those who may come in.

    Args:
        app: the application.
        settings: of the server.
    """

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self.app, self.settings = app, settings
        self.session = secrets.token_urlsafe(32)
        self._uploads = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or pass it on."""
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        if scope["type"] != "http":  # nothing here speaks WebSocket
            await send({"type": "websocket.close", "code": 1008})
            return
        began = False

        async def guarded(message: Message) -> None:
            nonlocal began
            if message["type"] == "http.response.start":
                began = True
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
                headers.setdefault("cache-control", "no-store")
            await send(message)

        headers = Headers(scope=scope)
        try:
            self._check_source(scope, headers)
            if await self._check_token(scope, headers, guarded):
                return
            await self._with_body(scope, receive, guarded, headers)
        except RefusedError as error:
            if not began:
                await respond(guarded, error, "text/html" in headers.get("accept", ""))

    def _check_source(self, scope: Scope, headers: Headers) -> None:
        """Refuse a request that another site's page sends, or that another site's name leads here."""
        if sum(len(name) + len(value) for name, value in headers.raw) > LONGEST_HEAD:
            raise RefusedError(431, f"a head of more than {LONGEST_HEAD:,} bytes\n  what would work: fewer cookies")
        host = headers.get("host", "")
        if not self.settings.allows_host(host):
            raise RefusedError(421, "this server goes by another name\n  what would work: the address that it printed")
        origin = headers.get("origin")
        if origin is not None and urlsplit(origin).netloc.lower() != host.lower():
            raise RefusedError(403, "another site's page sent this\n  what would work: the page of this server")
        foreign = headers.get("sec-fetch-site") in ("cross-site", "same-site")
        if foreign and (scope["method"] in CHANGING or headers.get("sec-fetch-mode") != "navigate"):
            raise RefusedError(403, "another site's page sent this\n  what would work: the page of this server")

    async def _check_token(self, scope: Scope, headers: Headers, send: Send) -> bool:
        """Return whether the request is answered: by a cookie for whoever brings the token in the address.

        Raises:
            RefusedError: no token, or another one.
        """
        if not self.settings.token or scope["path"] == "/health":
            return False
        name = f"impasto-{self.settings.port}"
        given = parse_qs(scope.get("query_string", b"").decode("latin-1")).get("token", [""])[0]
        if given and scope["path"] == "/" and _equal(given, self.settings.token):
            cookie = f"{name}={self.session}; HttpOnly; SameSite=Strict; Path=/"
            head = [(b"location", b"/"), (b"set-cookie", cookie.encode()), (b"content-length", b"0")]
            await send({"type": "http.response.start", "status": 303, "headers": head})
            await send({"type": "http.response.body", "body": b""})
            return True
        kind, _, bearer = headers.get("authorization", "").partition(" ")
        if kind.lower() == "bearer" and _equal(bearer.strip(), self.settings.token):
            return False
        if _equal(_cookies(headers).get(name, ""), self.session):
            return False
        raise RefusedError(
            401, "this server asks for a token\n  what would work: the whole address that `impasto serve` printed"
        )

    async def _with_body(self, scope: Scope, receive: Receive, send: Send, headers: Headers) -> None:
        """Pass a request on whose body is bounded in size, in number and in time."""
        length = headers.get("content-length", "0")
        chunked = "transfer-encoding" in headers
        most = self.settings.max_upload
        if not length.isdecimal() or len(length) > 15 or int(length) > most:
            raise RefusedError(413, f"a request of more than {most:,} bytes\n  what would work: a smaller file")
        if not chunked and length == "0":
            await self.app(scope, receive, send)
            return
        if scope["method"] != "POST":
            raise RefusedError(400, f"{scope['method']} takes no body\n  what would work: the same without one")
        if self._uploads >= MOST_UPLOADS:
            raise RefusedError(429, "others send pictures just now\n  what would work: a second later")
        self._uploads += 1
        taken, whole = 0, False
        loop = asyncio.get_running_loop()
        deadline = loop.time() + SLOWEST

        def done() -> None:
            nonlocal whole
            if not whole:
                whole, self._uploads = True, self._uploads - 1

        async def bounded() -> Message:
            nonlocal taken
            if whole:  # what comes now is the end of the connection
                return await receive()
            try:
                message = await asyncio.wait_for(receive(), max(0.01, deadline - loop.time()))
            except asyncio.TimeoutError:
                raise RefusedError(
                    408, f"the request was not here in {SLOWEST:.0f} seconds\n  what would work: a smaller file"
                ) from None
            taken += len(message.get("body", b""))
            if taken > most:
                raise RefusedError(413, f"a request of more than {most:,} bytes\n  what would work: a smaller file")
            if not message.get("more_body"):
                done()
            return message

        try:
            await self.app(scope, bounded, send)
        finally:
            done()


def _equal(given: str, wanted: str) -> bool:
    """Return whether two texts are the same, in a time that does not tell how much of them is."""
    return hmac.compare_digest(given.encode("utf-8", "replace"), wanted.encode())


def _cookies(headers: Headers) -> Mapping[str, str]:
    try:
        found = SimpleCookie(headers.get("cookie", ""))
    except CookieError:
        return {}
    return {name: morsel.value for name, morsel in found.items()}


async def respond(send: Send, error: RefusedError, read: bool) -> None:
    """Answer with a number and a sentence: to a program as JSON, to whoever reads it as it is.

    Args:
        send: of the request.
        error: what to say.
        read: whether a browser shows it.
    """
    body = (error.message if read else json.dumps({"error": error.message})).encode()
    kind = b"text/plain; charset=utf-8" if read else b"application/json"
    head = [(b"content-type", kind), (b"content-length", str(len(body)).encode())]
    head += [(b"connection", b"close")] if error.status in (408, 413, 421) else []
    await send({"type": "http.response.start", "status": error.status, "headers": head})
    await send({"type": "http.response.body", "body": body})
