"""A real server: pictures come back to the bit, a stopped one keeps what there is, and a dead worker loses none."""

import io
import json
import os
import re
import signal
import sys
import time
from pathlib import Path

import httpx
import numpy as np
import pytest
from PIL import Image

import impasto

pytest.importorskip("impasto_adain")
pytest.importorskip("impasto_gatys")


@pytest.fixture
def client(running):
    with httpx.Client(base_url=f"http://127.0.0.1:{running[1]}", timeout=90) as client:
        yield client


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    """A photograph and a painting, as files."""
    folder = tmp_path_factory.mktemp("pictures")
    impasto.read(impasto.samples.content("cat", 96)).save(folder / "cat.png")
    impasto.read(impasto.samples.style("wave", 64)).save(folder / "wave.png")
    return folder / "cat.png", folder / "wave.png"


def files(pictures):
    return [("content", pictures[0].read_bytes()), ("styles", pictures[1].read_bytes())]


def events(client, job, until):
    """Read the events of a job until one fits; give all."""
    found = []
    with client.stream("GET", f"/jobs/{job}/events") as answer:
        kind = ""
        for line in answer.iter_lines():
            if line.startswith("event: "):
                kind = line[7:]
            elif line.startswith("data: "):
                found.append((kind, line[6:] if kind == "preview" else json.loads(line[6:])))
                if until(*found[-1]):
                    return found
    return found


def test_a_picture_comes_back_as_the_pipeline_paints_it(client, pictures, tmp_path, monkeypatch):
    answer = client.post("/jobs?wait", files=files(pictures), data={"pipeline": "adain:alpha=0.7", "seed": "5"})
    assert answer.status_code == 200, answer.text
    (tmp_path / "painted.png").write_bytes(answer.content)
    painted = impasto.read(tmp_path / "painted.png")
    expected = impasto.Pipeline.parse("adain:alpha=0.7")(*pictures, seed=5)
    assert (np.asarray(painted.pil()) == np.asarray(expected.pil())).all()
    # The file carries its recipe, and the command line repeats it to the bit.
    from impasto.cli import main

    monkeypatch.chdir(tmp_path)
    command = ["run", "painted.png", "--content", str(pictures[0]), "--style", str(pictures[1]), "--out", "again"]
    assert main(command) == 0
    (again,) = (tmp_path / "again").iterdir()
    assert (np.asarray(Image.open(again)) == np.asarray(painted.pil())).all()


def test_a_mask_keeps_what_is_outside(client, pictures):
    mask = Image.new("L", (48, 32), 0)  # half the size: it was drawn on what a page shows
    mask.paste(255, (0, 0, 24, 32))
    out = io.BytesIO()
    mask.save(out, "PNG")
    given = [*files(pictures), ("mask", out.getvalue())]
    answer = client.post("/jobs?wait", files=given, data={"pipeline": "adain"})
    before, after = np.asarray(Image.open(pictures[0])), np.asarray(Image.open(io.BytesIO(answer.content)))
    assert (after[:, 56:] == before[:, 56:]).all()
    assert (after[:, :40] != before[:, :40]).any(-1).mean() > 0.9


def test_a_slow_picture_grows_is_stopped_and_kept(client, pictures):
    data = {"pipeline": "gatys:steps=5000:encoder=slim19"}
    job = client.post("/jobs", files=files(pictures), data=data).json()["id"]
    seen = events(client, job, lambda kind, data: kind == "preview")
    assert any(kind == "state" and data.get("step", 0) > 0 for kind, data in seen)
    assert seen[-1][1].startswith("data:image/jpeg;base64,")
    assert client.get(f"/jobs/{job}/picture").status_code == 409
    client.delete(f"/jobs/{job}")
    state = events(client, job, lambda kind, data: kind == "state" and data["state"] == "stopped")[-1][1]
    assert state["interrupted"].startswith("gatys at step")
    assert Image.open(io.BytesIO(client.get(f"/jobs/{job}/picture").content)).size == (96, 64)


@pytest.mark.skipif(sys.platform != "linux", reason="workers are found in /proc")
def test_a_picture_whose_worker_dies_is_painted_once_more(client, running, attacks, pictures):
    # Long enough to be caught at work.
    data = {"pipeline": "gatys:steps=150:encoder=slim19"}
    job = client.post("/jobs", files=files(pictures), data=data).json()["id"]
    events(client, job, lambda kind, data: kind == "state" and data.get("step", 0) > 0)
    (worker,) = attacks.workers_of(running[0])
    os.kill(worker, signal.SIGKILL)
    state = events(client, job, lambda kind, data: kind == "state" and data["state"] == "done")[-1][1]
    assert state["state"] == "done"
    assert client.get(f"/jobs/{job}/picture").status_code == 200
    assert attacks.workers_of(running[0]) != [worker]


def test_what_a_worker_refuses_is_said(client, pictures, attacks):
    bomb = [("content", attacks.bomb()), files(pictures)[1]]
    answer = client.post("/jobs?wait", files=bomb, data={"pipeline": "adain"})
    assert (answer.status_code, "pixels" in answer.json()["error"]) == (422, True)
    answer = client.post("/jobs?wait", files=[files(pictures)[0]], data={"pipeline": "adain"})
    assert (answer.status_code, "needs a style picture" in answer.json()["error"]) == (422, True)


def test_who_goes_away_leaves_nothing_running(client, running, pictures):
    data = {"pipeline": "gatys:steps=5000:encoder=slim19"}
    with pytest.raises(httpx.TimeoutException):
        client.post("/jobs?wait", files=files(pictures), data=data, timeout=1.5)
    began = time.monotonic()
    answer = client.post("/jobs?wait", files=files(pictures), data={"pipeline": "adain"})
    assert answer.status_code == 200
    assert time.monotonic() - began < 60  # and not after thousands of steps


def test_recipes_stages_and_samples(client, pictures):
    painted = client.post("/jobs?wait", files=files(pictures), data={"pipeline": "adain:alpha=0.25", "seed": "9"})
    found = client.post("/recipes", files={"picture": painted.content}).json()
    assert (found["stages"][0]["stage"], found["stages"][0]["values"]["alpha"], found["seed"]) == ("adain", 0.25, 9)
    offers = client.get("/stages").json()
    adain = next(stage for stage in offers["stages"] if stage["name"] == "adain")
    assert adain["schema"]["properties"]["strength"]["maximum"] == 1
    assert {control["name"] for control in adain["controls"]} >= {"strength", "alpha", "style_scale"}
    assert Image.open(io.BytesIO(client.get("/samples/style/wave?size=128").content)).size == (128, 128)
    assert client.get("/openapi.json").json()["paths"]["/jobs"]["post"]


def test_the_client_and_the_node_of_the_documentation_run(running, pictures):
    text = (Path(__file__).parents[2] / "docs" / "web.md").read_text(encoding="utf-8")
    client, node = ({"__name__": "docs"} for _ in range(2))
    for names, block in zip((client, node), re.findall(r"```python\n(.*?)```", text, re.DOTALL), strict=True):
        exec(block, names)
    painted = client["paint"](f"http://127.0.0.1:{running[1]}", "adain", *pictures)
    assert Image.open(io.BytesIO(painted)).size == (96, 64)
    with pytest.raises(ValueError, match="no installed plugin offers"):
        client["paint"](f"http://127.0.0.1:{running[1]}", "adian", *pictures)
    kind = node["node"]("adain")
    inputs = kind.INPUT_TYPES()["required"]
    assert inputs["strength"][1] | {"min": 0, "max": 1} == inputs["strength"][1]
    values = {key: given[1]["default"] for key, given in inputs.items() if len(given) > 1}
    images = [impasto.read(file).tensor.permute(0, 2, 3, 1) for file in pictures]
    assert kind().paint(*images, **values)[0].shape == images[0].shape
