"""The first lesson and the widgets of `impasto.tune` in a real browser: JupyterLab, as a student opens it."""

import contextlib
import json
import os
import random
import secrets
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

for package in ("jupyterlab", "ipykernel", "ipywidgets", "playwright"):
    pytest.importorskip(package, reason=f"no {package}: pip install -r requirements-dev.txt")
sync_api = pytest.importorskip("playwright.sync_api")

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
PATIENCE = 90
"""Seconds for each thing that is waited for, on a machine that is busy; nothing waits longer than it must."""

LESSON = Path(__file__).parents[2] / "tutorials" / "01-first-picture.ipynb"
CELLS = [cell for cell in json.loads(LESSON.read_text(encoding="utf-8"))["cells"] if cell["cell_type"] == "code"]
OPENED = "opened-and-not-run.ipynb"
TUNE = "impasto.tune(pipe, content, style)"
SETTINGS = {
    # No question about news, and every cell is in the page, also what is out of sight.
    "apputils-extension/notification": {"fetchNews": "false", "checkForUpdates": False},
    "notebook-extension/tracker": {"windowingMode": "none"},
}

NOTEBOOK = "document.querySelector('.jp-WindowedPanel-outer')"
WRONG = "[data-mime-type='application/vnd.jupyter.stderr']"  # warnings, and tracebacks too
FINISHED = f"""prompt => document.querySelector("{WRONG}")
    || [...document.querySelectorAll(".jp-CodeCell .jp-InputPrompt")].at(-1).textContent == prompt"""
LOADED = "() => [...document.querySelectorAll('.jp-OutputArea-output img')].every(image => image.complete)"
SIDES = """cells => cells.map(cell => [...cell.querySelectorAll(".jp-OutputArea-output :is(img, canvas)")].map(
    it => Math.min(it.naturalWidth ?? it.width, it.naturalHeight ?? it.height, it.clientWidth, it.clientHeight)))"""
HALVES = """canvas => {
    const [width, height] = [canvas.width, canvas.height], brush = canvas.getContext("2d");
    const part = (from, to) => [...brush.getImageData(from, 0, to - from, height).data].join();
    return [part(0, Math.floor(width / 2) - 2), part(Math.floor(width / 2) + 2, width)];
}"""
PIXELS = """image => {
    const canvas = document.createElement("canvas");
    [canvas.width, canvas.height] = [image.naturalWidth, image.naturalHeight];
    canvas.getContext("2d").drawImage(image, 0, 0);
    return canvas.toDataURL();
}"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with the first lesson, without its outputs and with a last cell of widgets."""
    notebook = json.loads(LESSON.read_text(encoding="utf-8"))
    last = {"cell_type": "code", "id": "tune", "metadata": {}, "source": TUNE}
    notebook["cells"] = [
        cell | {"outputs": [], "execution_count": None} if cell["cell_type"] == "code" else cell
        for cell in [*notebook["cells"], last]
    ]
    folder = tmp_path_factory.mktemp("lessons")
    (folder / LESSON.name).write_text(json.dumps(notebook), encoding="utf-8")
    shutil.copy(LESSON, folder / OPENED)
    return folder


@pytest.fixture(scope="module")
def address(folder, tmp_path_factory):
    """The address of the lesson in a JupyterLab with a port, a token, a home and settings of its own."""
    home, token = tmp_path_factory.mktemp("home"), secrets.token_hex()
    for name, values in SETTINGS.items():
        file = home / "lab" / "user-settings" / "@jupyterlab" / f"{name}.jupyterlab-settings"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(values))
    names = ("HOME", "IPYTHONDIR", "JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR")
    environment = os.environ | dict.fromkeys(names, str(home))
    environment |= {"JUPYTERLAB_SETTINGS_DIR": str(home / "lab" / "user-settings")}
    command = [sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", "--ServerApp.ip=127.0.0.1"]
    # Where another program has the port, the server takes another one: the file that it writes says which.
    command += [f"--ServerApp.port={random.randint(20_000, 50_000)}", f"--IdentityProvider.token={token}"]
    log = home / "jupyterlab.log"
    with log.open("w") as said:
        server = subprocess.Popen(
            command, cwd=folder, env=environment, stdin=subprocess.DEVNULL, stdout=said, stderr=said
        )
    try:
        yield f"{url(server, home, log)}lab/tree/{LESSON.name}?token={token}"
    finally:
        server.terminate()  # it ends its kernels
        try:
            server.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()


def url(server, home, log):
    """Return where a server listens, as soon as it does."""
    end = time.monotonic() + PATIENCE
    while server.poll() is None and time.monotonic() < end:
        with contextlib.suppress(FileNotFoundError, json.JSONDecodeError):
            return json.loads((home / f"jpserver-{server.pid}.json").read_text())["url"]
        time.sleep(0.1)
    pytest.fail(f"JupyterLab did not start\n{log.read_text()}")


@pytest.fixture(scope="module")
def browser():
    program = next(filter(None, map(shutil.which, BROWSERS)), None)
    if program is None:
        pytest.skip(f"no browser: none of {', '.join(BROWSERS)} is installed")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program)
        try:
            yield browser
        finally:
            browser.close()


@pytest.fixture(scope="module")
def page(browser, address, folder):
    """The lesson after "Run All Cells"; a picture of all of it is kept."""
    page = browser.new_page(viewport={"width": 1400, "height": 1000})
    page.set_default_timeout(1000 * PATIENCE)
    try:
        page.goto(address)
        page.get_by_text("(ipykernel) | Idle").wait_for()
        page.get_by_role("menuitem", name="Run", exact=True).click()
        page.get_by_role("menuitem", name="Run All Cells", exact=True).click()
        page.wait_for_function(FINISHED, arg=f"[{len(CELLS) + 1}]:")
        yield page
    finally:
        page.set_viewport_size({"width": 1400, "height": 200 + page.evaluate(f"{NOTEBOOK}?.scrollHeight ?? 800")})
        page.evaluate(f"{NOTEBOOK}?.scrollTo(0, 0)")
        page.screenshot(path=folder / "screenshot.png")
        print(f"what the browser showed: {folder / 'screenshot.png'}")


@pytest.fixture
def cells(page):
    return page.locator(".jp-CodeCell")


def pictures(cell):
    """Return how many pictures a cell shows in the notebook as it is in the repository."""
    shown = [output.get("data", {}) for output in cell["outputs"]]
    html = sum("".join(data.get("text/html", "")).count("<img") for data in shown)
    return html + sum(any(kind.startswith("image/") for kind in data) for data in shown)


def test_every_cell_runs_without_an_error_or_a_warning(page, cells):
    assert page.locator(WRONG).all_inner_texts() == []
    prompts = cells.locator(".jp-InputPrompt").all_inner_texts()
    assert prompts == [f"[{number}]:" for number in range(1, len(CELLS) + 2)]


def test_every_picture_is_seen(page, cells):
    cells.last.locator("img").wait_for()
    page.wait_for_function(LOADED)
    sides = cells.evaluate_all(SIDES)
    assert [len(found) for found in sides] == [*map(pictures, CELLS), 1]
    assert all(side > 16 for found in sides for side in found), sides


def test_the_slider_between_before_and_after_shows_either_whole(page):
    slider, canvas = page.get_by_role("slider", name="before and after"), page.locator(".jp-OutputArea-output canvas")
    most = int(slider.get_attribute("max"))
    halves, seen = canvas.evaluate("canvas => canvas.toDataURL()"), {}
    for place in (0, most):
        slider.fill(str(place))
        seen[place] = canvas.evaluate("canvas => canvas.toDataURL()")
    assert len({halves, *seen.values()}) == 3
    slider.fill(str(most // 2))
    # To the left of the slider is the one, to the right the other, whole.
    left, right = canvas.evaluate(HALVES), canvas.evaluate(HALVES)
    slider.fill(str(most))
    assert canvas.evaluate(HALVES)[0] == left[0]
    slider.fill("0")
    assert canvas.evaluate(HALVES)[1] == right[1]


def test_a_notebook_that_is_opened_and_not_run_shows_every_picture_whole(browser, address):
    page = browser.new_page(viewport={"width": 1400, "height": 1000})
    page.set_default_timeout(1000 * PATIENCE)
    page.goto(address.replace(LESSON.name, OPENED).replace("lab/tree", "lab/workspaces/opened/tree"))
    page.get_by_text("(ipykernel) | Idle").wait_for()
    page.wait_for_function(LOADED)
    sides = page.locator(".jp-CodeCell").evaluate_all(SIDES)
    assert [len(found) for found in sides] == [*map(pictures, CELLS)]
    assert all(side > 100 for found in sides for side in found), sides
    joined = page.get_by_alt_text("before on the left, after on the right")
    box = joined.bounding_box()
    assert box["width"] / box["height"] == pytest.approx(
        joined.evaluate("i => i.naturalWidth / i.naturalHeight"), rel=0.02
    )
    assert page.get_by_role("slider", name="before and after").count() == 0


def test_a_slider_of_tune_paints_another_picture(page, cells):
    image, slider = cells.last.locator("img"), cells.last.get_by_role("slider").first
    before = image.evaluate(PIXELS)
    slider.press("ArrowLeft")
    page.wait_for_function(f"([image, before]) => ({PIXELS})(image) != before", arg=[image.element_handle(), before])
    cells.last.get_by_text("Pipeline(AdaIN(strength=0.").wait_for()
