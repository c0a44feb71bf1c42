"""`impasto serve` under load and under attack: python benchmarks/serve.py [--hostile 2000] [--jobs 200] [--kills 5].

Starts a server of its own on loopback.  Hostile requests have to be refused with 4xx and a sentence each; jobs of many
clients, some of which go away, while workers are killed, have to come back whole and to the right client.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import random
import re
import resource
import signal
import struct
import subprocess
import sys
import threading
import time
import zlib
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image

SECRET = "/etc/passwd"
BOUNDARY = "----impasto"


class Request(NamedTuple):
    """One request, and what it tries."""

    kind: str
    method: str
    path: str
    headers: dict[str, str]
    body: bytes = b""


def form(fields: list[tuple[str, str | bytes]]) -> bytes:
    """Return a multipart body; bytes go as files."""
    parts = []
    for name, value in fields:
        file = '; filename="a.png"' if isinstance(value, bytes) else ""
        head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"{file}\r\n\r\n'.encode()
        parts.append(head + (value if isinstance(value, bytes) else value.encode()) + b"\r\n")
    return b"".join(parts) + f"--{BOUNDARY}--\r\n".encode()


MULTIPART = {"content-type": f"multipart/form-data; boundary={BOUNDARY}"}


def png(color: tuple[int, int, int], size: tuple[int, int] = (32, 24)) -> bytes:
    """Return a picture of one colour."""
    out = io.BytesIO()
    Image.new("RGB", size, color).save(out, "PNG")
    return out.getvalue()


def bomb(side: int = 30_000) -> bytes:
    """Return a small PNG that says it has very many pixels."""
    head = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    rows = zlib.compress(bytes(1 << 20), 9)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


PATHS = [
    "/../../../../etc/passwd",
    "/..%2f..%2f..%2fetc%2fpasswd",
    "/%2e%2e/%2e%2e/etc/passwd",
    "/static/../../etc/passwd",
    "/index.html/../../../etc/passwd",
    "/samples/content/..%2f..%2fetc%2fpasswd?size=128",
    "/samples/style//etc/passwd?size=128",
    "/samples/content/cat?size=99999999",
    "/jobs/../../etc/passwd",
    "/jobs/%00/picture",
    "/jobs/..%5c..%5cwindows%5cwin.ini/picture",
    "/jobs/file:///etc/passwd/picture",
    "//evil.example/stages/x",
    "/etc/passwd",
    "/.git/config",
    "/impasto/web/app.py",
    "/cgi-bin/luci/;stok=/locale",
]
PIPELINES = [
    "mask-file:path=/etc/passwd, adain",
    "lut:path=/etc/passwd",
    'adain:decoder="/etc/passwd"',
    'adain:encoder="../../../../etc/passwd"',
    'adain:decoder="https://evil.example/decoder.safetensors"',
    'gatys:init_file="/etc/passwd":init=file',
    'gatys:checkpoint="/tmp/impasto-owned"',
    'cyclegan:network="//evil.example/share/net.pth"',
    'fast:network="/etc/shadow"',
    "microast:network=/etc/passwd",
    "adain:alpha=1e999",
    "adain:alpha=nan",
    "adain:alpha=[[1]]",
    "gatys:steps=-1",
    "gatys:steps=99999999999999999999",
    "adain:__class__=1",
    "__import__('os').system('id')",
    "adain(alpha=1)",
    ", ".join(["adain"] * 17),
    "no-such-stage",
    "",
    "a" * 70_000,
    '[[stages]]\nstage = "mask-file"\npath = "/etc/passwd"\n',
    '[[stages]]\nstage = "adain"\ndecoder = "C:\\\\secret.pth"\n',
    "[[stages]]\nstage = 3\n",
    "[[stages]]\n" + "a." * 5000 + "b = 1\n",
    "x = " + "[" * 5000 + "\n",
    "[[stages]]\nstage = 'adain'\nalpha = " + "9" * 5000 + "\n",
]


def hostile_requests(count: int, seed: int = 0, workers: bool = True) -> Iterator[Request]:
    """Yield requests, each of which tries something that a server must refuse.

    Args:
        count: how many.
        seed: of their order and values.
        workers: whether those are among them that only a worker refuses, such as bombs.
    """
    draw = random.Random(seed)
    picture = png((200, 40, 40))
    names = ["content", "styles", "mask", "region.sky"]
    kinds = ["path", "pipeline", "text for a picture", "field", "number", "host", "origin", "site", "method", "body"]
    kinds += ["type", "length", "head"] + (["bomb", "damage", "shape"] if workers else [])
    for index in range(count):
        kind = kinds[index % len(kinds)]
        method, path, headers, body = "POST", "/jobs", dict(MULTIPART), b""
        fields: list[tuple[str, str | bytes]] = [("content", picture), ("styles", picture), ("pipeline", "adain")]
        if kind == "path":
            method, path, headers = draw.choice(["GET", "GET", "DELETE"]), draw.choice(PATHS), {}
        elif kind == "pipeline":
            fields[2] = ("pipeline", draw.choice(PIPELINES))
        elif kind == "text for a picture":
            value = draw.choice(
                [SECRET, "file:///etc/passwd", "https://evil.example/a.png", "\\\\evil\\share", "../a.png"]
            )
            fields.append((draw.choice(names), value))
        elif kind == "field":
            fields.append((draw.choice(["path", "file", "out", "device", "plugins", "__class__", "a" * 200]), SECRET))
        elif kind == "number":
            name = draw.choice(["seed", "size", "weights", "precision", "format"])
            fields.append((name, draw.choice(["-1", "1e9", "nan", "٣", "' OR 1=1", "0x10", "1" * 400, "None", "/a,b"])))
        elif kind == "host":
            method, path = "GET", draw.choice(["/", "/stages", "/jobs/abc"])
            headers = {
                "host": draw.choice(["evil.example", "localhost.evil.example", "127.0.0.1.nip.io", "", "evil:80"])
            }
        elif kind == "origin":
            headers["origin"] = draw.choice(["https://evil.example", "null", "http://localhost:1", "file://"])
        elif kind == "site":
            headers["sec-fetch-site"] = draw.choice(["cross-site", "same-site"])
        elif kind == "method":
            method = draw.choice(["PUT", "PATCH", "DELETE", "PROPFIND"])
            path, headers = draw.choice(["/stages", "/jobs", "/", "/recipes"]), {}
        elif kind == "body":
            body = draw.choice([form(fields)[: draw.randrange(5, 150)], b"\0" * 4000, b"--" + BOUNDARY.encode()])
        elif kind == "type":
            headers = {"content-type": draw.choice(["application/json", "text/xml", "multipart/form-data", "a" * 2000])}
            body = b'{"content": "/etc/passwd"}'
        elif kind == "head":
            headers["x-filler"] = "a" * draw.choice([20_000, 60_000])
        elif kind == "length":
            headers["content-length"] = draw.choice(["99999999999", "1" * 40, "-5", "ten"])
        elif kind in ("bomb", "damage", "shape"):
            path = "/jobs?wait"
            if kind == "bomb":
                fields[draw.randrange(2)] = ("content" if draw.random() < 0.5 else "styles", bomb())
                fields[0:2] = [("content", bomb()), ("styles", picture)]
            elif kind == "damage":
                fields[0] = ("content", bytes(draw.choices(range(256), k=300)) if draw.random() < 0.5 else picture[:60])
            else:
                fields.append(("mask", png((255, 255, 255), (10, 300))))
        yield Request(kind, method, path, headers, body or (form(fields) if method == "POST" else b""))


# ------------------------------------------------------------------------------------------------- a real server


@contextmanager
def server(*arguments: str) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    """Start a server; give its process and its port."""
    command = [sys.executable, "-u", "-m", "impasto", "serve", "--port", "0", *arguments]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    try:
        assert process.stdout is not None
        found = re.search(rb":(\d+)/", process.stdout.readline())
        assert found is not None, "the server did not start"
        port = int(found[1])
        end = time.monotonic() + 180
        while time.monotonic() < end and ask(port, Request("", "GET", "/health", {}))[0] != 200:
            time.sleep(0.3)
        yield process, port
    finally:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def ask(port: int, request: Request, timeout: float = 120) -> tuple[int, bytes]:
    """Send a request as it is; return the answer's number and body."""
    connection = HTTPConnection("127.0.0.1", port, timeout=timeout)
    try:
        connection.putrequest(request.method, request.path, skip_host="host" in request.headers)
        headers = dict(request.headers)
        if request.body or request.method == "POST":
            headers.setdefault("content-length", str(len(request.body)))
        for name, value in headers.items():
            connection.putheader(name, value)
        connection.endheaders()
        with suppress(BrokenPipeError, ConnectionResetError):  # it has refused already
            connection.send(request.body)
        answer = connection.getresponse()
        return answer.status, answer.read()
    except (OSError, HTTPException):
        return 0, b""
    finally:
        connection.close()


def workers_of(process: subprocess.Popen[bytes]) -> list[int]:
    """Return the processes that paint for a server."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            stat = (folder / "stat").read_text().rpartition(")")[2].split()
            command = (folder / "cmdline").read_bytes()
            if int(stat[1]) == process.pid and b"spawn_main" in command:
                found.append(int(folder.name))
    return found


def memory(pid: int) -> float:
    """Return the megabytes that a process holds."""
    with suppress(OSError):
        found = re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{pid}/status").read_text())
        return int(found[1]) / 1024 if found else 0.0
    return 0.0


def attack(port: int, count: int) -> Counter[str]:
    """Send hostile requests; return how many of each kind were not refused as they should be."""
    wrong: Counter[str] = Counter()
    for request in hostile_requests(count):
        status, body = ask(port, request)
        said = b"error" in body or b"Invalid HTTP" in body or b"Bad Request" in body
        if not (400 <= status < 500 and said):
            wrong[f"{request.kind}: {status}"] += 1
    return wrong


def load(process: subprocess.Popen[bytes], port: int, count: int, kills: int, leave: int) -> dict[str, object]:
    """Have eight clients paint; return what came of it."""
    results: Counter[str] = Counter()
    lock, done = threading.Lock(), threading.Event()
    latencies: list[float] = []
    most = [0.0, 0.0]
    draw = random.Random(1)
    leaving = set(draw.sample(range(count), leave))

    def paint(index: int) -> None:
        local = random.Random(index)
        color = tuple(local.randrange(256) for _ in range(3))
        size = local.choice([(64, 48), (160, 120), (320, 240), (640, 480)])
        # With hardly any strength the picture comes back as it was sent: whose it is can be seen.
        fields: list[tuple[str, str | bytes]] = [("content", png(color, size)), ("styles", png((9, 99, 200)))]
        fields.append(("pipeline", "adain:strength=0.003"))
        headers = {**MULTIPART, "impasto-client": f"client-{index % 8}"}
        request = Request("", "POST", "/jobs?wait", headers, form(fields))
        for _ in range(200):
            status, body = ask(port, request, 0.02 if index in leaving else 120)
            if status != 429:
                break
            time.sleep(0.1)
        if index in leaving:
            outcome = "left" if status == 0 else "done"
        elif status == 200:
            pixels = np.asarray(Image.open(io.BytesIO(body)).convert("RGB"))
            away = np.abs(pixels.mean((0, 1)) - color).max() if pixels.shape[:2] == size[::-1] else 256.0
            outcome = "done" if away < 8 else f"mixed up: {away:.0f} levels away"
        else:
            outcome = f"lost: {status} {body[:80]!r}"
        with lock:
            results[outcome] += 1

    def watch() -> None:
        while not done.wait(0.05):
            began = time.perf_counter()
            status, _ = ask(port, Request("", "GET", "/stages", {}))
            if status == 200:
                latencies.append(time.perf_counter() - began)
            most[0] = max(most[0], memory(process.pid))
            most[1] = max([most[1], *map(memory, workers_of(process))])

    def kill() -> None:
        for number in range(1, kills + 1):
            while sum(results.values()) < number * count / (kills + 1):
                time.sleep(0.005)
            for pid in workers_of(process)[:1]:
                os.kill(pid, signal.SIGKILL)
            time.sleep(1)

    threads = [threading.Thread(target=watch), threading.Thread(target=kill)]
    for thread in threads:
        thread.start()
    began = time.perf_counter()
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(paint, range(count)))
    seconds = time.perf_counter() - began
    threads[1].join()
    done.set()
    threads[0].join()
    latencies.sort()
    return {
        "results": dict(results),
        "seconds": round(seconds, 1),
        "server and worker, MB at most": [round(one) for one in most],
        "GET /stages, ms": {
            "median": round(1000 * latencies[len(latencies) // 2], 1),
            "99 %": round(1000 * latencies[int(len(latencies) * 0.99)], 1),
            "of": len(latencies),
        },
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--hostile", type=int, default=2000)
    parser.add_argument("--jobs", type=int, default=200)
    parser.add_argument("--kills", type=int, default=5)
    parser.add_argument("--leave", type=int, default=20)
    given = parser.parse_args()
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
    with server() as (process, port):
        began = time.perf_counter()
        wrong = attack(port, given.hostile)
        print(f"{given.hostile} hostile requests, {time.perf_counter() - began:.0f} s, not refused: {dict(wrong)}")
        print(json.dumps(load(process, port, given.jobs, given.kills, given.leave), indent=1))
    print(f"this script: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB at most")


if __name__ == "__main__":
    main()
