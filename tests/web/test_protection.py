"""What a request must not do: come from elsewhere, name a file, or be too much; each is refused with a sentence."""

import asyncio
import sys

import pytest
from starlette.testclient import TestClient

from impasto.web import Settings, create_app

TOKEN = "correct-horse-battery"
HERE = "http://127.0.0.1:8765"
seen: list[str] = []
watching = False


def _watch(event, arguments):
    if watching and (event == "open" or event.startswith(("socket.", "subprocess.", "os.system"))):
        seen.append(f"{event} {arguments[0] if arguments else ''}")


sys.addaudithook(_watch)


@pytest.fixture(scope="module")
def client():
    """A client of a server whose workers have not begun: what is refused is refused before them."""
    return TestClient(create_app(), base_url=HERE, follow_redirects=False)


def test_hostile_requests_are_refused_and_open_nothing(client, attacks):
    global watching
    client.get("/stages")
    wrong, watching = [], True
    try:
        for request in attacks.hostile_requests(360, seed=3, workers=False):
            headers = {key: value for key, value in request.headers.items() if key != "host"}
            host = request.headers.get("host", "127.0.0.1:8765")
            path = request.path if request.path.startswith("/") else f"/{request.path}"
            url = f"{HERE}{path}" if not path.startswith("//") else f"{HERE}/{path}"
            answer = client.request(
                request.method, url, headers={"host": host, **headers}, content=request.body or None
            )
            text = answer.json().get("error", "") if answer.headers["content-type"] == "application/json" else ""
            if not 400 <= answer.status_code < 500 or len(text) < 12:
                wrong.append((request.kind, request.path, answer.status_code, text))
    finally:
        watching = False
    assert wrong == []
    bad = [one for one in seen if any(word in one for word in ("passwd", "shadow", "evil", "socket.connect", "owned"))]
    assert bad == []
    assert client.get("/stages").status_code == 200


def test_what_is_sent_is_written_to_no_disk(client, attacks):
    global watching
    large = bytes(3_000_000)  # beyond what starlette keeps in memory by itself
    seen.clear()
    watching = True
    try:
        fields = [("content", large), ("styles", large), ("pipeline", "adain:alpha=nan")]
        answer = client.post("/jobs", content=attacks.form(fields), headers=attacks.MULTIPART)
    finally:
        watching = False
    assert answer.status_code == 422
    assert [one for one in seen if one.startswith("open")] == []


def test_every_answer_says_what_a_browser_may_load(client):
    for path in ("/", "/stages", "/nothing"):
        headers = client.get(path).headers
        policy = headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "script-src 'self'" in policy
        assert "http" not in policy
        assert "unsafe" not in policy
        assert headers["x-content-type-options"] == "nosniff"


def test_without_a_token_nobody_comes_in():
    settings = Settings(host="0.0.0.0", token=TOKEN)
    client = TestClient(create_app(settings), base_url="http://192.168.1.7:8765", follow_redirects=False)
    for headers in ({}, {"authorization": "Bearer wrong-wrong-wrong"}, {"cookie": f"impasto-8765={TOKEN}"}):
        answer = client.get("/stages", headers=headers)
        assert answer.status_code == 401
        assert "token" in answer.json()["error"]
    assert client.get("/?token=wrong-wrong-wrong").status_code == 401
    assert client.get("/stages", headers={"authorization": f"Bearer {TOKEN}"}).status_code == 200
    answer = client.get(f"/?token={TOKEN}")
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    assert "HttpOnly; SameSite=Strict" in answer.headers["set-cookie"]
    assert TOKEN not in answer.headers["set-cookie"]
    assert client.get("/stages").status_code == 200  # by the cookie


def test_an_upload_that_is_too_large_is_not_read(attacks):
    client = TestClient(create_app(Settings(max_upload=20_000)), base_url=HERE)
    sent = 0

    def body():
        nonlocal sent
        for _ in range(1000):
            sent += 1000
            yield bytes(1000)

    answer = client.post("/jobs", content=body(), headers=attacks.MULTIPART)  # chunked: nobody says how long it is
    assert answer.status_code == 413
    answer = client.post("/jobs", content=bytes(30_000), headers=attacks.MULTIPART)
    assert (answer.status_code, "20,000 bytes" in answer.json()["error"]) == (413, True)


def test_a_page_of_another_site_may_lead_here_and_no_more(client):
    link = {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate"}
    assert client.get("/", headers=link).status_code == 200
    assert client.get("/stages", headers={**link, "sec-fetch-mode": "cors"}).status_code == 403
    assert client.post("/jobs", headers=link).status_code == 403


def test_a_body_that_comes_slowly_is_waited_for_no_longer(monkeypatch):
    monkeypatch.setattr("impasto.web.protection.SLOWEST", 0.1)
    head = [
        (b"host", b"127.0.0.1"),
        (b"content-length", b"5000"),
        (b"content-type", b"multipart/form-data; boundary=x"),
    ]
    scope = {"type": "http", "method": "POST", "path": "/jobs", "query_string": b"", "headers": head}
    scope |= {"http_version": "1.1", "scheme": "http", "server": ("127.0.0.1", 8765), "client": ("127.0.0.1", 1)}
    answers = []

    async def receive():
        await asyncio.sleep(0.04)
        return {"type": "http.request", "body": b"-", "more_body": True}

    async def send(message):
        answers.append(message)

    asyncio.run(create_app()({**scope, "root_path": "", "raw_path": b"/jobs"}, receive, send))
    assert answers[0]["status"] == 408
    assert b"smaller file" in answers[1]["body"]
