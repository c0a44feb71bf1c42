"""The page: every text in both languages, nothing from elsewhere, and what one does there, in a real browser."""

import importlib.resources
import json
import re
import shutil

import numpy as np
import pytest
from PIL import Image

import impasto
from impasto.web.page import pages

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
PATIENCE = 90_000
FILES = {path: page.body.decode() for path, page in pages().items() if path not in ("/", "/api")}
CATALOGUE = json.loads(FILES["/catalogue.json"])
CODE = "\n".join(text for path, text in FILES.items() if path.endswith((".js", ".html")))


def test_every_text_is_there_in_both_languages_and_is_used():
    used = set(re.findall(r"""\bt\(["`]([\w.]+)["`]""", CODE)) | set(
        re.findall(r'data-(?:t|title|label)="([\w.]+)"', CODE)
    )
    assert used <= CATALOGUE.keys()
    made = ("parameter.", "kind.", "mask.", "zoom.", "state.", "paint")  # put together from parts
    assert [key for key in CATALOGUE if key not in used and not key.startswith(made)] == []
    for key, (english, chinese) in CATALOGUE.items():
        assert sorted(re.findall(r"\{\w+\}", english)) == sorted(re.findall(r"\{\w+\}", chinese)), key
        assert re.search("[\u4e00-\u9fff]", chinese), key


def test_nothing_comes_from_elsewhere_and_no_text_becomes_markup():
    for path, text in FILES.items():
        found = [
            one for one in re.findall(r"https?://[^\s\"'<>]+", text) if not one.startswith(("http://www.w3.org/",))
        ]
        assert found in ([], ["http://127.0.0.1:8765/jobs?wait"]), path
        assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function", text), (
            path
        )
        assert not re.search(r"<[^>]+\s(?:style|on\w+)=", text) or not path.endswith(".html"), path


def test_every_file_of_the_page_is_short():
    folder = importlib.resources.files("impasto.web") / "static"
    assert {file.name: n for file in folder.iterdir() if (n := file.read_text("utf-8").count("\n")) > 400} == {}


# ------------------------------------------------------------------------------------------------ in a browser


@pytest.fixture(scope="module")
def browser():
    sync_api = pytest.importorskip("playwright.sync_api", reason="no playwright: pip install -r requirements-dev.txt")
    program = next(filter(None, map(shutil.which, BROWSERS)), None)
    if program is None:
        pytest.skip(f"no browser: none of {', '.join(BROWSERS)} is installed")
    pytest.importorskip("impasto_adain")
    pytest.importorskip("impasto_gatys")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program)
        try:
            yield browser
        finally:
            browser.close()


@pytest.fixture(scope="module")
def address(browser, running):
    return f"http://127.0.0.1:{running[1]}/"


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pictures")
    impasto.read(impasto.samples.content("cat", 96)).save(folder / "cat.png")
    impasto.read(impasto.samples.style("wave", 64)).save(folder / "wave.png")
    return folder / "cat.png", folder / "wave.png"


@pytest.fixture
def page(browser, address, pictures):
    """The page with two pictures, the first of which is painted; it has nothing to complain of."""
    page = browser.new_page(viewport={"width": 1280, "height": 860}, accept_downloads=True)
    page.set_default_timeout(PATIENCE)
    said = []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.goto(address)
    page.wait_for_selector("html[data-ready]")
    for button, file in zip(("#choose-photo", "#choose-painting"), pictures, strict=True):
        with page.expect_file_chooser() as chooser:
            page.click(button)
        chooser.value.set_files(file)
        if button == "#choose-photo":
            page.wait_for_selector("#choose-photo.chosen")
    painted(page)
    yield page
    page.close()
    assert said == []


def painted(page, count=1):
    """Wait for the picture that is being painted."""
    page.wait_for_function("() => !document.getElementById('download').disabled")
    page.wait_for_selector("#progress", state="hidden")


def shown(page):
    return page.locator("#after").get_attribute("src")


def repaint(page, action):
    """Do something, and wait for another picture."""
    before = shown(page)
    action()
    page.wait_for_function(
        "before => document.getElementById('after').src.startsWith('blob:')"
        " && document.getElementById('after').getAttribute('src') != before",
        arg=before,
    )
    page.wait_for_selector("#progress", state="hidden")


def downloaded(page, folder):
    with page.expect_download() as saved:
        page.click("#download")
    saved.value.save_as(folder / saved.value.suggested_filename)
    return folder / saved.value.suggested_filename


def test_a_picture_is_painted_tuned_compared_and_downloaded(page, pictures, tmp_path, monkeypatch):
    slider = page.get_by_role("slider", name="Strength")
    repaint(page, lambda: slider.fill("0.5"))
    file = downloaded(page, tmp_path)
    assert file.name == "cat-adain.png"
    painted = np.asarray(impasto.read(file).pil())
    assert (painted == np.asarray(impasto.Pipeline.parse("adain:strength=0.5")(*pictures).pil())).all()
    # The file carries its recipe, and the command line repeats it to the bit.
    from impasto.cli import main

    monkeypatch.chdir(tmp_path)
    command = ["run", str(file), "--content", str(pictures[0]), "--style", str(pictures[1]), "--out", "again"]
    assert main(command) == 0
    (again,) = (tmp_path / "again").iterdir()
    assert (np.asarray(Image.open(again)) == painted).all()
    page.locator("#split").fill("40")
    assert "inset(0" in page.locator("#after").evaluate("image => image.style.clipPath")
    page.click("#code")
    assert "--with adain:strength=0.5" in page.locator("#code-text").text_content()
    page.get_by_role("tab", name="Python").click()
    assert "AdaIN(strength=0.5)" in page.locator("#code-text").text_content()
    page.get_by_role("button", name="Close", exact=True).click()
    # Back to what was before, and forth again.
    page.keyboard.press("Control+z")
    assert slider.input_value() == "1"
    page.keyboard.press("Control+Shift+z")
    assert slider.input_value() == "0.5"


def test_a_drawn_mask_keeps_the_rest(page, pictures, tmp_path):
    page.get_by_label("Where to paint").select_option(label="Where I draw")
    page.get_by_role("button", name="Box").click()
    box = page.locator("#sheet").bounding_box()

    def draw():
        page.mouse.move(box["x"] + 3, box["y"] + 3)
        page.mouse.down()
        page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] - 3, steps=4)
        page.mouse.up()

    repaint(page, draw)
    before = np.asarray(Image.open(pictures[0]).convert("RGB")).astype(int)
    after = np.asarray(Image.open(downloaded(page, tmp_path)).convert("RGB")).astype(int)
    middle = before.shape[1] // 2
    assert (after[:, middle + 4 :] == before[:, middle + 4 :]).all()
    assert np.abs(after[8:-8, 8 : middle - 8] - before[8:-8, 8 : middle - 8]).mean() > 8


def test_a_slow_method_grows_is_stopped_and_kept(page):
    page.locator(".tile[data-name=gatys]").click()
    page.wait_for_function("() => document.getElementById('after').src.startsWith('data:image/jpeg')")
    assert "gatys" in page.locator("#said").text_content()
    page.click("#stop")
    page.wait_for_function("() => document.getElementById('after').src.startsWith('blob:')")
    painted(page)
    assert page.locator("#history .tile").count() == 2
    assert "so far" in page.locator("#toast").text_content()


def test_the_strip_shows_every_method_on_ones_own_pictures(page, tmp_path):
    page.wait_for_selector("html[data-strip=done]")
    names = page.locator("#strip .tile").evaluate_all("tiles => tiles.map(tile => tile.dataset.name)")
    assert names[:2] == ["adain", "gatys"]
    widths = page.locator("#strip img").evaluate_all("images => images.map(image => image.naturalWidth)")
    assert widths[:2] == [96, 96]
    page.screenshot(path=tmp_path / "wide.png")
    print(f"what the browser showed: {tmp_path / 'wide.png'}")


def test_a_finished_picture_gives_its_recipe_back(page, pictures, tmp_path):
    pipeline = impasto.Pipeline.parse("adain:strength=0.25, guided-smooth:radius=4")
    pipeline(*pictures).save(tmp_path / "old.png")
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name="Change the photograph").click()
    chooser.value.set_files(tmp_path / "old.png")
    repaint(page, lambda: page.get_by_role("button", name="Take the recipe").click())
    order = page.locator("#chain li b")
    assert order.all_text_contents() == ["adain", "guided-smooth"]
    page.locator("#chain-box summary").first.click()
    page.get_by_role("button", name="Later: adain").click()
    assert order.all_text_contents() == ["guided-smooth", "adain"]
    page.get_by_role("button", name="Remove guided-smooth").click()
    page.get_by_label("Add a stage").select_option("keep-color")
    assert order.all_text_contents() == ["adain", "keep-color"]
    assert page.get_by_label("Keep the photograph's colours").is_checked()
    assert page.get_by_role("slider", name="Strength").input_value() == "0.25"


def test_a_phone_sees_no_more_than_fits_and_chinese_is_there(browser, address):
    page = browser.new_page(viewport={"width": 390, "height": 800}, locale="zh-CN", color_scheme="dark")
    page.goto(address)
    page.wait_for_selector("html[data-ready]")
    assert page.locator("html").get_attribute("lang") == "zh-Hans"
    assert page.locator("#welcome h2").text_content() == CATALOGUE["welcome.title"][1]
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    red, *_ = re.findall(r"\d+", page.evaluate("getComputedStyle(document.documentElement).backgroundColor"))
    assert int(red) < 60
    # Whoever has no mouse gets everywhere: each thing that is clicked has a name.
    unnamed = page.locator("button:visible, input:visible, select:visible").evaluate_all(
        "all => all.filter(one => !(one.textContent.trim() || one.ariaLabel || one.labels?.length)).length"
    )
    assert unnamed == 0
    page.close()
