"""Who may reach the dashboard, checked before any page, picture or socket: by where it listens.

On loopback (the default) it answers this machine's own names alone, so that no web page elsewhere can reach it by a name
that points here (DNS rebinding). Where it was told to listen wider (`--server.address`), it asks for a token as well:
DDNMF_TOKEN, or one that is made at the start and printed to the console. The token goes into a cookie that scripts cannot
read. Every answer carries the headers that keep a browser from running or embedding what is not ours.
"""

import hmac
import ipaddress
import os
import secrets
import sys
from http.cookies import SimpleCookie
from typing import Any
from urllib.parse import parse_qs, urlencode

import streamlit as st
from starlette.middleware import Middleware
from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse
from streamlit import net_util

COOKIE, PARAMETER, ENVIRONMENT = "ddnmf-token", "token", "DDNMF_TOKEN"
OWN_NAMES = ("localhost", "127.0.0.1", "[::1]")
HEADERS = {
    # Streamlit's page has inline scripts and styles, its components are modules made of blobs.
    "Content-Security-Policy": "default-src 'self'; script-src 'self' 'unsafe-inline' blob:; style-src 'self' "
    "'unsafe-inline'; img-src 'self' data: blob:; font-src 'self' data:; worker-src 'self' blob:; "
    "connect-src 'self' data: blob:; object-src 'none'; base-uri 'self'; form-action "
    "'self'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
LOGIN = """<!doctype html><html lang="en"><meta charset="utf-8"><title>DDNMF Studio</title>
<body style="font-family:sans-serif;max-width:32em;margin:4em auto;line-height:1.5"><h1>DDNMF Studio</h1>
<p>{message} The token stands on the console of the server, or in DDNMF_TOKEN there.</p>
<form><label>Token <input type="password" name="token" autofocus autocomplete="current-password"></label>
<button>Enter</button></form></body></html>"""


def is_loopback(address: str | None) -> bool:
    """Whether a server that listens there is reached from this machine alone; none means every address."""
    if address in (None, ""):
        return False
    try:
        return address == "localhost" or ipaddress.ip_address(str(address)).is_loopback
    except ValueError:
        return False


def guards() -> list[Middleware]:
    """The middleware for where the server was told to listen; says on the console what it means to listen wider."""
    net_util.get_external_ip = lambda: None  # Streamlit would ask a service out there, for a strange origin
    print(f"DDNMF Studio: http://127.0.0.1:{st.get_option('server.port')} (Ctrl-C ends it; trainings go on)", flush=True)
    if is_loopback(st.get_option("server.address")):
        return [Middleware(Guard, token=None)]
    token = os.environ.get(ENVIRONMENT) or secrets.token_urlsafe(16)
    told = "the token in DDNMF_TOKEN" if os.environ.get(ENVIRONMENT) else f"this token: {token}"
    print(
        f"WARNING: the dashboard listens beyond this machine. Whoever reaches it with {told} can train, stop and delete "
        "runs. The connection is not encrypted: put a proxy with TLS before it.",
        file=sys.stderr,
        flush=True,
    )
    return [Middleware(Guard, token=token)]


class Guard:
    """ASGI middleware: host, token, headers."""

    def __init__(self, app: Any, token: str | None) -> None:
        self.app, self.token = app, token

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        refusal = self._refusal(scope)
        if refusal is not None and scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 4403})
        elif refusal is not None:
            await refusal(scope, receive, _with_headers(send))
        else:
            await self.app(scope, receive, _with_headers(send) if scope["type"] == "http" else send)

    def _refusal(self, scope: Any) -> Any:
        """The answer to whoever may not come in, or None."""
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
        if self.token is None:
            host = headers.get("host", "")
            name = host if host.endswith("]") else host.rsplit(":", 1)[0]
            return (
                None
                if name.lower() in OWN_NAMES
                else PlainTextResponse(f"This dashboard answers {', '.join(OWN_NAMES)} alone.", 421)
            )
        asked = parse_qs(scope.get("query_string", b"").decode("latin-1"))
        if scope["type"] == "http" and PARAMETER in asked:
            return self._login(scope, asked)
        cookie = SimpleCookie(headers.get("cookie", "")).get(COOKIE)
        return None if cookie and self._fits(cookie.value) else HTMLResponse(LOGIN.format(message="A token is needed."), 401)

    def _login(self, scope: Any, asked: dict[str, list[str]]) -> Any:
        """The cookie for the right token, and the address without it."""
        if not self._fits(asked[PARAMETER][0]):
            return HTMLResponse(LOGIN.format(message="That is not the token."), 401)
        rest = urlencode({name: values for name, values in asked.items() if name != PARAMETER}, doseq=True)
        answer = RedirectResponse("/" + scope["path"].lstrip("/") + (f"?{rest}" if rest else ""), 303)
        answer.set_cookie(COOKIE, str(self.token), httponly=True, samesite="strict", secure=scope.get("scheme") == "https")
        return answer

    def _fits(self, token: str) -> bool:
        return hmac.compare_digest(token.encode(), str(self.token).encode())


def _with_headers(send: Any) -> Any:
    async def sending(message: Any) -> None:
        if message["type"] == "http.response.start":
            own = [(name.lower().encode(), value.encode()) for name, value in HEADERS.items()]
            names = {name for name, _ in own}
            kept = [(name, value) for name, value in message.get("headers", []) if name.lower() not in names]
            message = {**message, "headers": [*kept, *own]}
        await send(message)

    return sending
