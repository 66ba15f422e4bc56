"""The Prefect server of `tarot serve` and of a single command, attacked from a browser and by another local user."""

import base64
import json
import os
import threading
import urllib.error
import urllib.request
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from flows.runtime.environment import TOKEN_HEADER
from flows.service.status import link_to, served_at, token_of
from flows.service.temporary_server import Temporary
from tests.chromium import CHROMIUM, MISSING, chromium
from tests.flows.test_serve import Server

pytestmark = pytest.mark.slow

ATTACK = """
async (api) => {
  const said = {};
  const tried = (name, promise) => promise.then(r => { said[name] = r; }, () => { said[name] = "refused"; });
  await tried("socket", new Promise((ok, no) => {
    const socket = new WebSocket(api.replace("http", "ws") + "/events/out", "prefect");
    socket.onopen = () => ok("open"); socket.onerror = no;
  }));
  // A body without a type: the browser asks nobody before it sends this.
  const flow = new Blob([JSON.stringify({name: "attack-" + location.protocol.replace(":", "")})]);
  await tried("post", fetch(api + "/flows/", {method: "POST", mode: "no-cors", body: flow}).then(r => r.type));
  await tried("read", fetch(api + "/admin/version").then(r => r.text()));
  await tried("read with cookie", fetch(api + "/admin/version", {credentials: "include"}).then(r => r.text()));
  await tried("delete", fetch(api + "/flow_runs/00000000-0000-0000-0000-000000000000", {method: "DELETE"}).then(r => r.status));
  return said;
}
"""
REFUSED = {"socket": "refused", "read": "refused", "read with cookie": "refused", "delete": "refused"}


@pytest.fixture(scope="module", params=["serve", "command"])
def server(request, tmp_path_factory):
    """Yield address and secret of a server of either kind."""
    folder = tmp_path_factory.mktemp(request.param)
    if request.param == "serve":
        process = Server(folder / "data", "--every", "1h")
        process.start()
        yield served_at(process.data), token_of(process.data)
        process.end(9)
    else:
        Path(os.environ["PREFECT_HOME"]).mkdir(parents=True, exist_ok=True)
        temporary = Temporary(folder)
        yield temporary.address(), temporary.token
        temporary.stop()


@pytest.fixture(scope="module")
def page_of_another_port(tmp_path_factory):
    folder = tmp_path_factory.mktemp("attacker")
    (folder / "index.html").write_text("<!doctype html><title>attacker</title>", encoding="utf-8")
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(SimpleHTTPRequestHandler, directory=folder)) as other:
        threading.Thread(target=other.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{other.server_port}/index.html", (folder / "index.html").as_uri()
        other.shutdown()


def ask(address: str, path: str, body: object = None, **headers: str) -> tuple[int, str]:
    """Return status and text of a request; a body makes it a POST."""
    headers = {name.replace("_", "-"): value for name, value in headers.items()}
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(address + path, data, {"Content-Type": "application/json", **headers})
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def attacks_that_arrived(address: str, token: str) -> list[str]:
    wanted = {"flows": {"name": {"any_": ["attack-file", "attack-http"]}}}
    status, text = ask(address, "/api/flows/filter", wanted, **{TOKEN_HEADER: token})
    assert status == 200
    return [flow["name"] for flow in json.loads(text)]


@pytest.mark.skipif(CHROMIUM is None, reason=MISSING)
def test_foreign_pages_reach_nothing(server, page_of_another_port):
    address, token = server
    with chromium() as browser:
        context = browser.new_context()
        page = context.new_page()
        for foreign in page_of_another_port:
            page.goto(foreign)
            said = page.evaluate(ATTACK, f"{address}/api")
            assert {name: said[name] for name in REFUSED} == REFUSED, foreign

        # The link lets the user's own browser in; then the same pages try again while it has the cookie.
        assert page.goto(f"{address}/").status == 403
        page.goto(link_to(address, token) + "&tab=runs")
        page.wait_for_url(lambda url: "token" not in url and url.startswith(address))
        assert page.evaluate("() => fetch('/api/admin/version').then(r => r.status)") == 200
        opens = "() => new Promise((ok, no) => { const s = new WebSocket(location.origin.replace('http', 'ws')"
        opens += " + '/api/events/out', 'prefect'); s.onopen = () => ok('open'); s.onerror = no; })"
        assert page.evaluate(opens) == "open"
        for foreign in page_of_another_port:
            page.goto(foreign)
            said = page.evaluate(ATTACK, f"{address}/api")
            assert {name: said[name] for name in REFUSED} == REFUSED, foreign
    assert attacks_that_arrived(address, token) == []


def test_another_local_user_is_refused(server):
    address, token = server
    flow = {"name": "attack-http"}
    assert ask(address, "/api/flows/", flow)[0] == 403
    assert ask(address, "/api/flows/", flow, **{TOKEN_HEADER: "guessed"})[0] == 403
    assert ask(address, "/api/flows/", flow, Cookie=f"tarot_serve_{address.rpartition(':')[2]}=guessed")[0] == 403
    assert ask(address, "/?token=guessed")[0] == 403
    assert ask(address, "/api/flows/", flow, Host="attacker.example", **{TOKEN_HEADER: token})[0] == 400
    assert ask(address, "/api/flows/", flow, Host="prefect-in-memory", **{TOKEN_HEADER: token})[0] == 400
    assert ask(address, "/api/flows/", flow, Origin="null", **{TOKEN_HEADER: token})[0] == 403
    assert ask(address, "/api/flows/", flow, Authorization=basic(token))[0] == 403
    upgrade = {"Connection": "Upgrade", "Upgrade": "websocket", "Sec_WebSocket_Version": "13"}
    assert (
        ask(address, "/api/events/out", **upgrade, Sec_WebSocket_Key=base64.b64encode(os.urandom(16)).decode())[0]
        == 403
    )
    assert attacks_that_arrived(address, token) == []
    assert ask(address, "/api/health") == (200, "true")


def basic(secret: str) -> str:
    return "Basic " + base64.b64encode(f"tarot:{secret}".encode()).decode()


def test_the_server_token_is_private_and_stable(tmp_path):
    before = os.umask(0o022)
    try:
        token = token_of(tmp_path)
    finally:
        os.umask(before)
    path = Path(tmp_path / "prefect" / "token")
    assert len(token) > 40 and token == token_of(tmp_path) == path.read_text()
    assert path.stat().st_mode & 0o777 == 0o600
    assert [file.name for file in path.parent.iterdir()] == ["token"]
