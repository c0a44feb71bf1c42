"""The pages of a study in a browser, from files alone: they sort, compare, take answers and keep them."""

import json
import shutil

import pytest

import impasto
from impasto.evaluation import Study, StudyRun, write_page, write_rating_page

sync_api = pytest.importorskip("playwright.sync_api", reason="no playwright: pip install -r requirements-dev.txt")
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


class Dim(impasto.Postprocessor, name="dim-of-this-test"):
    """Darken."""

    factor: float = impasto.param(default=0.5, low=0, high=1, help="how bright")

    def refine(self, image, content, styles):
        return image * self.factor


class Installed:
    __name__ = "impasto-dim 1.0"

    @impasto.hookimpl
    def impasto_postprocessors(self):
        return [Dim]


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    """The page of a study, and the page of its rating."""
    folder = tmp_path_factory.mktemp("study")
    for name in ("cat", "coffee"):
        impasto.read(impasto.samples.content(name, 48)).save(folder / f"{name}.png")
    host = impasto.Host(Installed())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("impasto.host.registry._installed", lambda: host)
        painters = {
            "unpainted": impasto.Pipeline(),
            "dim": impasto.Pipeline(Dim()),
            "dark": impasto.Pipeline(Dim(factor=0.1)),
        }
        study = Study(
            (folder / "cat.png", folder / "coffee.png"), (), painters, encoder="slim19", metrics=("ssim", "border")
        )
        run = StudyRun(study, folder / "out")
        rows = list(run.rows())
        return write_page(run, rows), write_rating_page(run, rows)


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


@pytest.fixture
def page(browser):
    """A page that has nothing to complain of, such as a picture that its policy keeps out."""
    page = browser.new_page(viewport={"width": 1200, "height": 900})
    said = []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    yield page
    page.close()
    assert said == []


SIDES = "images => images.map(image => image.naturalWidth)"


def test_the_page_sorts_and_compares(page, pages):
    page.goto(pages[0].as_uri())
    names = "rows => rows.map(row => row.cells[0].textContent)"
    heading = page.locator("#means th", has_text="ssim").get_by_role("button")
    heading.click()
    assert page.eval_on_selector_all("#means tbody tr", names) == ["unpainted", "dim", "dark"]  # the best first
    heading.click()
    assert page.eval_on_selector_all("#means tbody tr", names) == ["dark", "dim", "unpainted"]
    page.select_option("#shown", "ssim")
    assert page.locator("#pairs figcaption").nth(1).text_content() == "1.00"
    page.locator("#pairs button.open").last.click()
    page.wait_for_function("() => [...document.querySelectorAll('dialog img')].every(image => image.naturalWidth)")
    assert page.locator("dialog h2").text_content().startswith("dark: ")


def test_answers_are_kept_and_saved(page, pages, tmp_path):
    page.goto(pages[1].as_uri())
    total = 6  # two contents, three painters
    assert page.locator("#count").text_content() == f"0 of {total}"
    for key in ("ArrowLeft", "ArrowRight", "ArrowDown", "ArrowDown", "Backspace"):
        page.keyboard.press(key)
    page.reload()
    assert page.locator("#count").text_content() == f"3 of {total}"
    page.wait_for_function("() => [...document.querySelectorAll('#two img')].every(image => image.naturalWidth)")
    page.fill("#rater", "Ada L.")
    with page.expect_download() as saved:
        page.click("#save")
    assert saved.value.suggested_filename == "ratings-Ada-L-.json"
    saved.value.save_as(tmp_path / "answers.json")
    answers = json.loads((tmp_path / "answers.json").read_text(encoding="utf-8"))
    assert answers["rater"] == "Ada L."
    assert [one["better"] for one in answers["votes"]] == ["left", "right", "same"]
    for _ in range(3):
        page.keyboard.press("ArrowLeft")
    assert page.locator("#done").is_visible()
