"""What a stranger tries: files, processes, ports of the engine, dashboards. Each returns what was lost, or an empty text."""

import os
import random
import re
import socket
import ssl
import struct
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any

NOBODY = 65534  # of user and group
TIMEOUT_S = 5.0
TOKEN = "a-token-that-nobody-guesses"
DASK_PATHS = (
    "/",
    "/status",
    "/health",
    "/metrics",
    "/info/main/workers.html",
    "/info/logs.html",
    "/info/call-stacks/",
    "/json/identity.json",
    "/json/counts.json",
    "/sitemap.json",
    "/individual-task-stream",
    "/eventstream",
    "/api/v1/workers",
    "/statics/css/base.css",
)
NOTHING = re.compile(r'\{"paths": \["/sitemap.json"\]\}')  # dask's list of its pages, of which there is none
PAGE_PATHS = (
    "/",
    "/train",
    "/parts?run={run}",
    "/_stcore/health",
    "/_stcore/host-config",
    "/_stcore/metrics",
    "/_stcore/message?hash=x",
    "/_stcore/upload_file/x/y",
    "/media/{run}.png",
    "/static/index.html",
    "/component/x/index.html",
    "//evil.example/",
    "/./train",
)
SOCKET = "/_stcore/stream"
FOREIGN_HOSTS = (
    "evil.example",
    "127.0.0.1.evil.example",
    "localhost.evil.example",
    "evil.example:{port}",
    "127.0.0.2:{port}",
    "0.0.0.0:{port}",
    "[::2]:{port}",
    "169.254.169.254",
    "localhost.:{port}",
    "",
)
FOREIGN_ORIGINS = (
    "https://evil.example",
    "http://127.0.0.1:{other}",
    "http://localhost:{other}",
    "http://127.0.0.1",
    "http://localhost:{port}",
    "http://127.0.0.1:{port}.evil.example",
    "null",
    "file://",
    "",
)
WRONG_TOKENS = ("", "x", TOKEN[:-1], TOKEN + "x", TOKEN.upper(), TOKEN[::-1], "%00", "a-token", "*", "null", "[]")


@dataclass(frozen=True)
class Answer:
    """What a port answered."""

    status: int = 0  # of HTTP; 0 for none
    content: bytes = b""

    @property
    def text(self) -> str:
        return self.content.decode(errors="replace")


@dataclass(frozen=True)
class Places:
    """What a stranger tries to reach."""

    run: str  # id
    files: tuple[str, ...]  # of the store, and temporary ones of the engine
    dask_ports: tuple[int, ...]
    here: int  # port of a dashboard on loopback
    wide: int  # port of a dashboard on all addresses, behind a token
    processes: tuple[int, ...]  # of engine and dashboards
    certificate: str  # files of another cluster's keys
    key: str


Try = Callable[[Places, random.Random], str]  # returns what was lost, or an empty text


# ---------------------------------------------------------------------------------------------- files, processes


def store_file(places: Places, chance: random.Random) -> str:
    """Read, list or write a path of the store, or a temporary file."""
    if os.geteuid() != NOBODY:
        return ""
    path = chance.choice(places.files)
    for how in (_read, _list, _write):
        with suppress(OSError):
            if how(path):
                return f"{how.__name__[1:]} {path}"
    return ""


def _read(path: str) -> object:
    return Path(path).read_bytes()  # dask's lock files in /tmp are empty


def _list(path: str) -> object:
    return os.listdir(path)


def _write(path: str) -> object:
    with open(path, "ab") as file:
        return file


def process(places: Places, chance: random.Random) -> str:
    """Look for the token and keys in what the system tells of engine and dashboards."""
    if os.geteuid() != NOBODY:
        return ""
    pid, name = chance.choice(places.processes), chance.choice(["cmdline", "environ", "maps", "mem", "cwd", "fd", "status"])
    path = Path(f"/proc/{pid}/{name}")
    try:
        told = b" ".join(os.fsencode(each) for each in os.listdir(path)) if name == "fd" else path.read_bytes()
    except OSError:
        return ""
    return f"{name} holds a secret" if TOKEN.encode() in told or b"PRIVATE KEY" in told else ""


# ---------------------------------------------------------------------------------------------- the engine's ports


def dask_http(places: Places, chance: random.Random) -> str:
    """Ask a port of the engine for one of dask's pages."""
    port = chance.choice(places.dask_ports)
    host = chance.choice([*FOREIGN_HOSTS, "127.0.0.1:{port}"]).format(port=port)
    path = chance.choice(DASK_PATHS)
    answer = http(port, path, {"Host": host})
    fine = answer.status in (0, 400, 403, 404) or NOTHING.fullmatch(answer.text)
    return "" if fine else f"{path} on {port}: {answer.status} {answer.text[:60]}"


def dask_messages(places: Places, chance: random.Random) -> str:
    """Speak dask's protocol without TLS: a handshake, an identity request, noise."""
    port = chance.choice(places.dask_ports)
    noise = chance.randbytes(chance.randrange(1, 2000))
    frame = chance.choice([b"\x81\xa2op\xa8identity", b"\x83\xa2op\xa9broadcast", noise, b""])
    message = struct.pack("<QQQ", 16 + len(frame), 1, len(frame)) + frame
    return _unless_silent(port, lambda connection: _exchange(connection, message), alerts=True)


def dask_tls(places: Places, chance: random.Random) -> str:
    """Speak dask's protocol through TLS, with another cluster's keys or none."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    if chance.random() < 0.5:
        context.load_cert_chain(places.certificate, places.key)

    def speak(connection: socket.socket) -> bytes:
        with context.wrap_socket(connection) as wrapped:
            return _exchange(wrapped, struct.pack("<Q", 16) + bytes(16))

    return _unless_silent(chance.choice(places.dask_ports), speak)


def _unless_silent(port: int, speak: Callable[[Any], bytes], alerts: bool = False) -> str:
    """Return what was answered; a TLS alert says only that TLS is wanted."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=TIMEOUT_S) as connection:
            answer = speak(connection)
    except OSError:  # refused, reset, no answer in time
        return ""
    is_alert = alerts and answer[:1] == b"\x15"
    http = answer.startswith(b"HTTP/1.1 400")  # of a port that speaks HTTP alone, and serves nothing
    return "" if not answer or is_alert or http else f"{port} answered {answer[:40]!r}"


def _exchange(connection: Any, message: bytes) -> bytes:
    connection.sendall(message)
    connection.settimeout(1.0)
    received: bytes = connection.recv(4096)
    return received


# ---------------------------------------------------------------------------------------------- dashboards

UPGRADE = {
    "Connection": "Upgrade",
    "Upgrade": "websocket",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA==",
}


def without_token(places: Places, chance: random.Random) -> str:
    """Ask the dashboard behind a token for a page, socket or upload, with a wrong token or none."""
    wrong = chance.choice(WRONG_TOKENS)
    headers = {"Host": f"{chance.choice(['127.0.0.1', 'localhost', 'studio.example'])}:{places.wide}"}
    path = _path(places, chance)
    match chance.choice(["none", "cookie", "query", "bearer", "forwarded"]):
        case "cookie":
            headers["Cookie"] = chance.choice(["ddnmf-token={}", "a=1; ddnmf-token={}; b", 'ddnmf-token="{}"']).format(wrong)
        case "query":
            path += f"{'&' if '?' in path else '?'}token={wrong}"
        case "bearer":
            headers["Authorization"] = f"Bearer {wrong}"
        case "forwarded":
            headers |= {"X-Forwarded-Host": "127.0.0.1", "X-Forwarded-For": "127.0.0.1", "X-Real-IP": "127.0.0.1"}
    return _unless_refused(places, places.wide, _method(chance), path, headers)


def foreign_host(places: Places, chance: random.Random) -> str:
    """Ask the dashboard on loopback by another name, as a page does after DNS rebinding."""
    host = chance.choice(FOREIGN_HOSTS).format(port=places.here)
    headers = {"Host": host} | chance.choice([{}, {"Origin": f"http://{host}"}, {"X-Forwarded-Host": "localhost"}])
    return _unless_refused(places, places.here, _method(chance), _path(places, chance), headers)


def foreign_origin(places: Places, chance: random.Random) -> str:
    """Open a socket, or change something, from a page of another server."""
    port, cookie = chance.choice([(places.here, {}), (places.wide, {"Cookie": f"ddnmf-token={TOKEN}"})])
    origin = chance.choice(FOREIGN_ORIGINS).format(port=port, other=port + 1)
    headers = {"Host": f"127.0.0.1:{port}", "Origin": origin, **cookie}
    if chance.random() < 0.5:
        return _unless_refused(places, port, "GET", SOCKET, headers)
    return _unless_refused(places, port, chance.choice(["POST", "PUT", "DELETE", "PATCH"]), _path(places, chance), headers)


def _method(chance: random.Random) -> str:
    return chance.choice(["GET", "GET", "GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS"])


def _path(places: Places, chance: random.Random) -> str:
    return chance.choice([*PAGE_PATHS, SOCKET]).format(run=places.run)


def _unless_refused(places: Places, port: int, method: str, path: str, headers: dict[str, str]) -> str:
    """Return what was answered that should have been refused."""
    answer = http(port, path, headers | (UPGRADE if path.startswith(SOCKET) and method == "GET" else {}), method)
    shown = any(secret in answer.content for secret in (places.run.encode(), TOKEN.encode(), b"streamlit"))
    if answer.status in (0, 400, 401, 403, 421) and not shown:
        return ""
    return f"{method} {path} with {headers}: {answer.status} {answer.content[:60]!r}"


def http(port: int, path: str, headers: dict[str, str], method: str = "GET") -> Answer:
    """Send one request with exactly these headers; a port that does not speak HTTP gives the status 0."""
    connection = HTTPConnection("127.0.0.1", port, timeout=TIMEOUT_S)
    try:
        connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
        for name, value in headers.items():
            connection.putheader(name, value)
        connection.endheaders()
        answer = connection.getresponse()
        return Answer(answer.status, b"" if answer.status == 101 else answer.read(100_000))
    except (HTTPException, OSError):
        return Answer()
    finally:
        connection.close()


TRIES: tuple[Try, ...] = (store_file, process, dask_http, dask_messages, dask_tls, without_token, foreign_host, foreign_origin)
