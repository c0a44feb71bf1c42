"""The right file is found, in the promised order, or the error says what to do; no other is taken for it."""

import hashlib
import http.server
import os
import threading

import pytest
import torch

from impasto.errors import WeightsError
from impasto.weights import Weights, find, verification

DATA = bytes(range(256)) * 40
HASH = hashlib.sha256(DATA).hexdigest()


def record(**changes):
    known = {"name": "net.bin", "sha256": HASH, "size": len(DATA), "url": "http://127.0.0.1:9/net.bin"}
    return Weights(**{**known, "licence": "MIT", "origin": "a test", "expects": "bytes 0 to 255", **changes})


@pytest.fixture(autouse=True)
def alone(tmp_path, monkeypatch):
    """An empty cache, no folders named, and no network unless a test brings one."""
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path / "hub"))
    monkeypatch.delenv("IMPASTO_WEIGHTS", raising=False)
    monkeypatch.setenv("IMPASTO_OFFLINE", "1")


@pytest.fixture
def server(monkeypatch):
    """A web server on this machine: `sent` is what it answers with, `asked` how often it was asked."""

    class Handler(http.server.BaseHTTPRequestHandler):
        sent, asked = DATA, 0

        def do_GET(self):
            Handler.asked += 1
            self.send_response(200)
            self.end_headers()
            self.wfile.write(Handler.sent)

        def log_message(self, *args):
            pass

    monkeypatch.setenv("IMPASTO_OFFLINE", "0")
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        Handler.url = f"http://127.0.0.1:{running.server_port}/net.bin"
        yield Handler
        running.shutdown()


def put(folder, data=DATA, name="net.bin"):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(data)
    return folder / name


def test_a_given_path_may_be_the_file_or_its_folder(tmp_path):
    file = put(tmp_path / "mine", name="net.bin")
    assert find(record(), file) == find(record(), file.parent) == file
    renamed = put(tmp_path / "mine", name="other-name.pth")
    assert find(record(), str(renamed)) == renamed


def test_a_given_path_that_is_not_there_is_an_error_even_if_the_cache_has_the_file(tmp_path):
    put(tmp_path / "hub/checkpoints")
    with pytest.raises(WeightsError, match=r"net\.bin: there is no file .*nowhere"):
        find(record(), tmp_path / "nowhere")


def test_places_are_searched_in_the_promised_order(tmp_path, monkeypatch):
    cached = put(tmp_path / "hub/checkpoints")
    assert find(record()) == cached
    wheel = put(tmp_path / "site/paintpackage/networks")
    (tmp_path / "site/paintpackage/__init__.py").touch()
    monkeypatch.syspath_prepend(tmp_path / "site")
    shipped = record(file="paintpackage/networks/net.bin")
    assert find(shipped) == wheel
    mine = put(tmp_path / "second")
    monkeypatch.setenv("IMPASTO_WEIGHTS", f"{tmp_path / 'first'}{os.pathsep}{tmp_path / 'second'}")
    assert find(shipped) == mine


def test_offline_the_error_says_file_size_address_folder_and_variable(tmp_path, monkeypatch):
    monkeypatch.setenv("IMPASTO_WEIGHTS", str(tmp_path / "mistyped"))
    with pytest.raises(WeightsError) as caught:
        find(record(size=574_673_361))
    message = str(caught.value)
    for part in ("net.bin", "574.7 MB", "http://127.0.0.1:9/net.bin", str(tmp_path / "hub/checkpoints")):
        assert part in message
    assert "IMPASTO_OFFLINE" in message
    assert f"IMPASTO_WEIGHTS names what is not a folder: {tmp_path / 'mistyped'}" in message


def test_a_file_in_the_wheel_of_a_plugin_that_is_absent_says_what_to_install():
    with pytest.raises(WeightsError) as error:
        find(record(url=None, file="impasto_nope/net.bin"))
    assert "what would work: installing impasto-nope, whose wheel has it\n" in str(error.value)
    assert "what to type: pip install impasto-nope\n" in str(error.value)


def test_a_file_in_an_absent_wheel_is_downloaded_where_it_has_an_address(server):
    assert find(record(url=server.url, file="impasto_nope/net.bin")).read_bytes() == DATA


def test_a_file_that_should_be_in_a_wheel_says_which_to_reinstall():
    with pytest.raises(WeightsError, match="what would work: reinstalling impasto, whose wheel has it"):
        find(record(url=None, file="impasto/networks/no-such-net.bin"))


def test_offline_means_no_network_at_all(server, monkeypatch):
    monkeypatch.setenv("IMPASTO_OFFLINE", "1")
    with pytest.raises(WeightsError, match="IMPASTO_OFFLINE is set"):
        find(record(url=server.url))
    assert server.asked == 0


def test_a_download_is_verified_named_and_not_repeated(server, tmp_path, capsys):
    file = find(record(url=server.url))
    assert file == tmp_path / "hub/checkpoints/net.bin"
    assert file.read_bytes() == DATA
    assert find(record(url=server.url)) == file
    assert server.asked == 1
    assert [left.name for left in file.parent.iterdir()] == ["net.bin"]
    assert "net.bin" in capsys.readouterr().err  # the progress bar


@pytest.mark.parametrize(
    ("sent", "says"),
    [
        (DATA[:-100], "looks truncated"),
        (b"x" * len(DATA), "sha256"),
        (DATA + b"\0" * (8 << 20), "sha256"),
    ],
    ids=["short", "other", "endless"],
)
def test_a_wrong_download_never_reaches_the_cache(server, tmp_path, sent, says):
    server.sent = sent
    with pytest.raises(WeightsError, match=says):
        find(record(url=server.url))
    assert list((tmp_path / "hub/checkpoints").iterdir()) == []


def test_a_failed_download_says_why_and_what_to_do(monkeypatch, tmp_path):
    monkeypatch.setenv("IMPASTO_OFFLINE", "0")
    with pytest.raises(WeightsError, match=r"(?s)downloading it failed.*why: .*refused.*put into ") as caught:
        find(record(url="http://127.0.0.1:9/net.bin"))
    assert "IMPASTO_WEIGHTS" in str(caught.value)


@pytest.mark.parametrize(("data", "truncated"), [(DATA[:-1], True), (DATA[:-1] + b"\0", False)])
def test_a_wrong_file_is_named_with_both_hashes_and_sizes(tmp_path, data, truncated):
    file = put(tmp_path, data)
    with pytest.raises(WeightsError) as caught:
        find(record(), file)
    message = str(caught.value)
    found = hashlib.sha256(data).hexdigest()
    assert str(file) in message
    assert f"sha256 {HASH[:8]}…, 10,240 bytes" in message
    assert f"sha256 {found[:8]}…, {len(data):,} bytes" in message
    assert ("looks truncated" in message) is truncated
    assert "what would work: the right file in its place" in message


def test_a_published_prefix_of_the_hash_is_enough_but_not_nothing(tmp_path):
    file = put(tmp_path)
    assert find(record(sha256=HASH[:8]), file) == file
    with pytest.raises(WeightsError, match="is not the"):
        find(record(sha256="0123abcd"), file)
    with pytest.raises(ValueError, match="the first 8 or more"):
        record(sha256="")


def test_a_file_is_hashed_once_until_it_changes(tmp_path, monkeypatch):
    file = put(tmp_path)
    find(record(), file)

    with monkeypatch.context() as patch:
        patch.setattr(verification, "sha256", lambda _: pytest.fail("hashed again"))
        assert find(record(), file) == file
    file.write_bytes(DATA[::-1])
    with pytest.raises(WeightsError, match="is not the net"):
        find(record(), file)
