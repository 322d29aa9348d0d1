"""Guard access to the dashboard before any page, picture or socket is served.

On loopback (the default) only this machine's own host names are accepted, against DNS rebinding. On a wider address
(`--server.address`) a token is required as well: DDNMF_TOKEN, or a random one printed to the console. The token is kept in
an HttpOnly cookie. Sockets and changes are accepted from the dashboard's own pages only, not from another server's on the same
machine. Every response carries headers against foreign scripts and embedding.
"""

import hmac
import ipaddress
import os
import secrets
import sys
from collections.abc import Collection, Mapping
from urllib.parse import parse_qs, urlencode, urlsplit

import streamlit as st
from starlette.middleware import Middleware
from starlette.requests import cookie_parser
from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from streamlit import net_util

COOKIE, PARAMETER, ENVIRONMENT = "ddnmf-token", "token", "DDNMF_TOKEN"
OWN_NAMES = ("localhost", "127.0.0.1", "[::1]")
SAFE_METHODS = ("GET", "HEAD", "OPTIONS")
HEADERS = {
    # Streamlit's page has inline scripts and styles; its components are blob modules.
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
<p>{message} Find the token on the server's console or in its DDNMF_TOKEN.</p>
<form><label>Token <input type="password" name="token" autofocus autocomplete="current-password"></label>
<button>Enter</button></form></body></html>"""


def is_loopback(address: str | None) -> bool:
    """Return whether a server on this address is reachable from this machine only; None means every address."""
    if address in (None, ""):
        return False
    try:
        return address == "localhost" or ipaddress.ip_address(str(address)).is_loopback
    except ValueError:
        return False


def guards() -> list[Middleware]:
    """Return the middleware for the server's address; warn on the console if it is reachable from elsewhere."""
    net_util.get_external_ip = lambda: None  # Streamlit would query an external service
    address = st.get_option("server.address")
    name = _host_name(address) if is_loopback(address) else "127.0.0.1"
    base = st.get_option("server.baseUrlPath").strip("/")  # behind a proxy such as JupyterHub's
    place = f"{st.get_option('server.port')}/{base}".rstrip("/")
    print(f"DDNMF Studio: http://{name}:{place} (Ctrl-C stops it; training continues)", flush=True)
    if is_loopback(address):
        return [Middleware(Guard, token=None, names=(*OWN_NAMES, name))]
    token = os.environ.get(ENVIRONMENT) or secrets.token_urlsafe(16)
    described = "the token in DDNMF_TOKEN" if os.environ.get(ENVIRONMENT) else f"this token: {token}"
    print(
        f"WARNING: the dashboard is reachable from other machines. Anyone with {described} can train, stop and delete runs. "
        "The connection is not encrypted: put a TLS proxy in front.",
        file=sys.stderr,
        flush=True,
    )
    return [Middleware(Guard, token=token)]


def _host_name(address: str) -> str:
    """Write an address as in a URL: '[::1]' for '::1'."""
    return f"[{address}]" if ":" in address else address.lower()


class Guard:
    """ASGI middleware: check host, token and origin, add headers. `names`: accepted hosts where no token is needed."""

    def __init__(self, app: ASGIApp, token: str | None, names: Collection[str] = OWN_NAMES) -> None:
        self.app, self.token, self.names = app, token, names

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
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

    def _refusal(self, scope: Scope) -> Response | None:
        """Return the response to a refused request, or None."""
        headers: dict[str, str] = {}
        for name, value in scope["headers"]:  # HTTP/2 may split the cookies
            key, text = name.decode("latin-1").lower(), value.decode("latin-1")
            headers[key] = f"{headers[key]}; {text}" if key == "cookie" and key in headers else text
        if self.token is None:
            host = headers.get("host", "")
            if (host if host.endswith("]") else host.rsplit(":", 1)[0]).lower() not in self.names:
                return PlainTextResponse(f"This dashboard is served only at {', '.join(dict.fromkeys(self.names))}.", 421)
        if _is_foreign(scope, headers):
            return PlainTextResponse("Another site's pages cannot use this dashboard.", 403)
        if self.token is None:
            return None
        asked = parse_qs(scope.get("query_string", b"").decode("latin-1"))
        if scope["type"] == "http" and PARAMETER in asked:
            return self._login(scope, asked)
        cookie = cookie_parser(headers.get("cookie", "")).get(
            COOKIE
        )  # as lenient as browsers: other applications' stand beside
        return None if cookie and self._fits(cookie) else HTMLResponse(LOGIN.format(message="Token required."), 401)

    def _login(self, scope: Scope, asked: dict[str, list[str]]) -> Response:
        """Set the cookie for a correct token, and redirect to the address without it."""
        if not self._fits(asked[PARAMETER][0]):
            return HTMLResponse(LOGIN.format(message="Wrong token."), 401)
        rest = urlencode({name: values for name, values in asked.items() if name != PARAMETER}, doseq=True)
        answer = RedirectResponse("/" + scope["path"].lstrip("/") + (f"?{rest}" if rest else ""), 303)
        answer.set_cookie(COOKIE, str(self.token), httponly=True, samesite="strict", secure=scope.get("scheme") == "https")
        return answer

    def _fits(self, token: str) -> bool:
        return hmac.compare_digest(token.encode(), str(self.token).encode())


def _is_foreign(scope: Scope, headers: Mapping[str, str]) -> bool:
    """Whether a socket or a change is asked for by a page of another server: browsers name it, port included."""
    origin = headers.get("origin")
    if origin is None or (scope["type"] == "http" and scope["method"] in SAFE_METHODS):
        return False
    own = {headers.get(name, "").lower() for name in ("host", "x-forwarded-host")} - {""}
    return urlsplit(origin).netloc.lower() not in own


def _with_headers(send: Send) -> Send:
    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            guarding = [(name.lower().encode(), value.encode()) for name, value in HEADERS.items()]
            names = {name for name, _ in guarding}
            others = [(name, value) for name, value in message.get("headers", []) if name.lower() not in names]
            message = {**message, "headers": [*others, *guarding]}
        await send(message)

    return sending
