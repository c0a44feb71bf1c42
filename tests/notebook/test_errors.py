"""Errors in a notebook: words where a user made a mistake, a traceback where a stage's code failed."""

import pytest

import impasto

interactiveshell = pytest.importorskip("IPython.core.interactiveshell", reason="IPython is not installed")

BROKEN = """
import impasto
class Broken(impasto.Postprocessor, name="broken"):
    '''Fail.'''
    def refine(self, image, content, styles):
        return image + undefined
pipe = impasto.Pipeline(Broken())
"""


@pytest.fixture
def shell(monkeypatch):
    """A shell whose cells are run as a notebook's, and what they show of errors."""
    monkeypatch.delenv("IMPASTO_TRACEBACK", raising=False)
    shell = interactiveshell.InteractiveShell(colors="nocolor")
    shown = []
    monkeypatch.setattr(shell, "_showtraceback", lambda etype, value, stb: shown.append("\n".join(stb)))

    def run(*cells):
        shown.clear()
        for cell in cells:
            shell.run_cell(cell)
        return shown[-1]

    return run


def test_a_mistake_is_told_in_words_with_the_line_of_the_cell(shell):
    shown = shell("import impasto\n\nimpasto.read('no.jpg')")
    assert shown.splitlines()[0] == "MissingFileError in line 3: impasto.read('no.jpg')"
    assert "no.jpg" in shown.splitlines()[1]
    assert "site-packages" not in shown
    assert "core/impasto" not in shown


def test_a_mistake_inside_a_pipeline_is_told_in_words_too(shell):
    shown = shell("import impasto", "impasto.Pipeline.parse('adian')")
    assert shown.splitlines()[0] == "UnknownNameError in line 1: impasto.Pipeline.parse('adian')"
    assert "did you mean 'adain'?" in shown
    assert len(shown.splitlines()) < 8
    shown = shell("impasto.Pipeline.parse('mask-file:path=no.png')(impasto.samples.content('cat', 32))")
    assert "mask-file" in shown.splitlines()[1]
    assert len(shown.splitlines()) < 6


@pytest.mark.parametrize("switch", ["0", "1"])
def test_a_fault_in_a_stages_own_code_is_shown_with_its_traceback(shell, monkeypatch, switch):
    monkeypatch.setenv("IMPASTO_TRACEBACK", switch)
    shown = shell(BROKEN, "pipe(impasto.samples.content('cat', 32))")
    assert "image + undefined" in shown
    assert "StageError" in shown


def test_a_traceback_is_shown_to_whoever_asks_for_it(shell, monkeypatch):
    monkeypatch.setenv("IMPASTO_TRACEBACK", "1")
    shown = shell("import impasto\nimpasto.read('no.jpg')")
    assert "Traceback" in shown
    assert "existing_file" in shown or "read" in shown


def test_python_itself_shows_errors_as_ever():
    with pytest.raises(FileNotFoundError, match=r"no\.jpg"):
        impasto.read("no.jpg")
