"""Who may reach the dashboard: host, token, headers, for pages and for sockets alike."""

import pytest
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route, WebSocketRoute
from starlette.testclient import TestClient
from starlette.websockets import WebSocketDisconnect
from streamlit import config

from dashboard import access

TOKEN = "a token that nobody guesses"


async def page(request):
    return PlainTextResponse(f"the page {request.url.query}", headers={"X-Frame-Options": "ALLOWALL"})


async def socket(websocket):
    await websocket.accept()
    await websocket.send_text("hello")
    await websocket.close()


def client(token, host="127.0.0.1"):
    app = Starlette(routes=[Route("/{path:path}", page), WebSocketRoute("/_stcore/stream", socket)])
    return TestClient(access.Guard(app, token), base_url=f"http://{host}:8501", follow_redirects=False)


@pytest.mark.parametrize("address", ["127.0.0.1", "localhost", "::1", "127.1.2.3"])
def test_loopback_is_this_machine(address):
    assert access.is_loopback(address)


@pytest.mark.parametrize("address", [None, "", "0.0.0.0", "::", "192.168.1.5", "studio.example"])
def test_everything_else_is_not(address):
    assert not access.is_loopback(address)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "LOCALHOST"])
def test_on_loopback_its_own_names_are_answered_without_a_token(host):
    assert client(None, host).get("/parts?run=1").text == "the page run=1"
    with client(None, host).websocket_connect(f"ws://{host}:8501/_stcore/stream") as connection:
        assert connection.receive_text() == "hello"


def test_the_printed_address_has_the_base_path(capsys):
    before = config.get_option("server.baseUrlPath")
    config.set_option("server.baseUrlPath", "/user/me/")
    try:
        access.guards()
    finally:
        config.set_option("server.baseUrlPath", before)
    assert f":{config.get_option('server.port')}/user/me (Ctrl-C" in capsys.readouterr().out


@pytest.mark.parametrize(("address", "host"), [("127.0.0.2", "127.0.0.2"), ("::1", "[::1]"), ("LOCALHOST", "localhost")])
def test_the_printed_address_is_one_that_works(address, host, capsys):
    before = config.get_option("server.address")
    config.set_option("server.address", address.lower())
    try:
        (made,) = access.guards()
    finally:
        config.set_option("server.address", before)
    assert f"http://{host}:" in capsys.readouterr().out
    app = Starlette(routes=[Route("/{path:path}", page)])
    assert TestClient(access.Guard(app, **made.kwargs), base_url=f"http://{host}:8501").get("/").status_code == 200


@pytest.mark.parametrize("token", [None, TOKEN])
def test_pages_of_another_local_server_cannot_drive_the_dashboard(token):
    """Another port is the same site to cookies."""
    visitor = client(token)
    if token:
        visitor.get("/", params={"token": token})
    socket = "ws://127.0.0.1:8501/_stcore/stream"
    for origin in ("http://127.0.0.1:9999", "http://localhost:8501", "http://127.0.0.1", "null", "https://evil.example"):
        with pytest.raises(WebSocketDisconnect), visitor.websocket_connect(socket, headers={"Origin": origin}):
            pass
        assert visitor.post("/_stcore/upload_file", headers={"Origin": origin}).status_code == 403
        assert visitor.get("/", headers={"Origin": origin}).status_code == 200  # what the page cannot read
    with visitor.websocket_connect(socket, headers={"Origin": "http://127.0.0.1:8501"}) as connection:
        assert connection.receive_text() == "hello"
    proxied = {"Origin": "https://studio.example", "X-Forwarded-Host": "studio.example"}
    with visitor.websocket_connect(socket, headers=proxied) as connection:
        assert connection.receive_text() == "hello"


@pytest.mark.parametrize("other", ['prefs={"a":1}', "a=[1,2]; b", "=x", "bad name=1", 'x="', "é=ü"])
def test_cookies_of_other_applications_do_not_lock_the_token_out(other):
    cookie = f"{other}; ddnmf-token={TOKEN.replace(' ', '')}; more=1".encode()
    visitor = client(TOKEN.replace(" ", ""), "studio.example")
    assert visitor.get("/", headers={"Cookie": cookie}).status_code == 200


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "localhost.evil.example"])
def test_on_loopback_a_foreign_name_is_refused(host):
    assert client(None, host).get("/").status_code == 421
    with pytest.raises(WebSocketDisconnect), client(None, host).websocket_connect(f"ws://{host}/_stcore/stream"):
        pass


def test_listening_wider_nothing_is_shown_without_the_token():
    visitor = client(TOKEN, "studio.example")
    for path in ("/", "/parts?run=1", "/media/abc.png", "/_stcore/host-config"):
        answer = visitor.get(path)
        assert answer.status_code == 401
        assert "the page" not in answer.text
    for cookie in ("", "wrong", TOKEN[:-1]):
        with (
            pytest.raises(WebSocketDisconnect),
            visitor.websocket_connect("ws://studio.example/_stcore/stream", headers={"Cookie": f"ddnmf-token={cookie}"}),
        ):
            pass


def test_the_right_token_becomes_a_cookie_that_scripts_cannot_read_and_leaves_the_address():
    visitor = client(TOKEN, "studio.example")
    wrong = visitor.get("/?token=wrong")
    assert wrong.status_code == 401
    assert "set-cookie" not in wrong.headers
    answer = visitor.get("/parts", params={"run": "1", "token": TOKEN})
    assert answer.status_code == 303
    assert answer.headers["location"] == "/parts?run=1"
    assert {"httponly", "samesite=strict"} <= {part.strip().lower() for part in answer.headers["set-cookie"].split(";")}
    assert visitor.get("/parts?run=1").text == "the page run=1"
    with visitor.websocket_connect("ws://studio.example:8501/_stcore/stream") as connection:
        assert connection.receive_text() == "hello"


def test_a_link_with_the_token_leads_to_a_path_here_and_to_no_other_host():
    scope = {"path": "//evil.example/parts", "scheme": "http"}
    answer = access.Guard(None, TOKEN)._login(scope, {"run": ["1"], "token": [TOKEN]})
    assert answer.headers["location"] == "/evil.example/parts?run=1"


@pytest.mark.parametrize("token", [None, TOKEN])
def test_every_answer_carries_the_headers(token):
    answer = client(token).get("/")
    assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["x-frame-options"] == "DENY"  # instead of what the page had said
    assert "http" not in answer.headers["content-security-policy"]  # no other host is allowed anything


@pytest.mark.parametrize(("given", "shown"), [("", True), ("mine", False)])
def test_listening_wider_is_said_with_the_token_on_the_console(monkeypatch, capsys, given, shown):
    monkeypatch.setenv("DDNMF_TOKEN", given)
    before = config.get_option("server.address")
    config.set_option("server.address", "0.0.0.0")
    try:
        (made,) = access.guards()
    finally:
        config.set_option("server.address", before)
    said = capsys.readouterr().err
    assert "WARNING" in said
    assert "not encrypted" in said
    assert (made.kwargs["token"] in said) == shown
    assert made.kwargs["token"] == given or len(made.kwargs["token"]) >= 16


def test_by_default_it_listens_on_loopback_and_asks_for_nothing():
    import tomllib
    from pathlib import Path

    config = tomllib.loads((Path(access.__file__).parents[1] / ".streamlit" / "config.toml").read_text())
    assert access.is_loopback(config["server"]["address"])


@pytest.mark.parametrize("address", ["127.0.0.1", "0.0.0.0"])
def test_nobody_out_there_is_asked_for_this_machines_address(monkeypatch, address, capsys):
    """Neither for the banner, nor to see whether a page from elsewhere may open a socket."""
    from streamlit import net_util
    from streamlit.web import bootstrap
    from streamlit.web.server.server_util import is_url_from_allowed_origins

    asked = []
    monkeypatch.setattr(net_util, "get_external_ip", net_util.get_external_ip)
    monkeypatch.setattr(net_util, "_make_blocking_http_get", lambda url, timeout=5: asked.append(url))
    before = config.get_option("server.address")
    config.set_option("server.address", address)
    try:
        access.guards()
        assert not is_url_from_allowed_origins("https://evil.example")
        bootstrap._print_url(False)
    finally:
        config.set_option("server.address", before)
    assert asked == []
    assert "http://127.0.0.1:" in capsys.readouterr().out
