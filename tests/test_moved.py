"""A plugin written against the flat host is told where each name went, and the changelog says the same."""

import importlib
import re
import subprocess
import sys
import types
from pathlib import Path

import pytest
import torch

import impasto
from impasto.errors import StageError
from impasto.moved import MOVED, moved_name, moved_table

CHANGELOG = Path(__file__).parents[1] / "CHANGELOG.md"


def test_the_changelog_has_the_table():
    assert moved_table() in CHANGELOG.read_text(encoding="utf-8")


NAMES = [
    (name if name.startswith("impasto.") else f"{where}.{name}")
    for where, names in MOVED.values()
    for name in names.values()
    if re.fullmatch(r"[\w.]+", name) and not name.startswith(("impasto_", "Pipeline"))
]


@pytest.mark.parametrize("name", [*sorted({where for where, _ in MOVED.values()}), *NAMES])
def test_what_moved_is_where_the_table_says(name):
    try:
        importlib.import_module(name)
    except ModuleNotFoundError:
        module, _, attribute = name.rpartition(".")
        assert hasattr(importlib.import_module(module), attribute)


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("from impasto.statistics import gram", "impasto.statistics is now impasto.functional.statistics"),
        ("from impasto.stage import once", "impasto.stage.once is now impasto.stage.remember"),
        ("from impasto.training import Recipe", "impasto.training.Recipe is now impasto.training.Trainer"),
        ("from impasto.judge import Judge", "Judge is PerceptualLoss"),
        ("from impasto.networks import study", "impasto.feedforward.study is now impasto.networks.style_summaries"),
        ("import impasto\nimpasto.statistics.gram", "impasto.statistics is now impasto.functional.statistics"),
    ],
)
def test_an_old_plugin_is_told_what_changed(code, message, monkeypatch):
    class Point:
        name, value, dist = "old", "old", types.SimpleNamespace(name="impasto-old", version="0.0.9")

        def load(self):
            exec(code, {})

    monkeypatch.setattr("importlib.metadata.entry_points", lambda group: [Point()])
    host = impasto.Host()
    host.load_entry_points()
    assert message in host.broken["impasto-old 0.0.9"]


def test_a_stage_that_asks_while_it_paints_is_told_too():
    class Old(impasto.Postprocessor, name="old"):
        """Ask for what was there."""

        def refine(self, image, content, styles):
            return impasto.filters.box_mean(image, 1)

    with pytest.raises(StageError, match=r"impasto\.filters is now impasto\.functional\.filters"):
        impasto.Pipeline(Old())(torch.rand(1, 3, 8, 8), device="cpu")


def test_a_notebook_is_told_where_a_name_of_the_package_went():
    with pytest.raises(AttributeError, match=r"impasto\.statistics is now impasto\.functional\.statistics"):
        impasto.statistics  # noqa: B018
    assert not hasattr(impasto, "statistics")
    assert getattr(impasto, "judge", None) is None
    with pytest.raises(AttributeError, match=r"^No impasto attribute nonsense$"):
        impasto.nonsense  # noqa: B018
    with pytest.raises(TypeError, match=r"what to type: impasto\.get_host\(\)"):
        impasto.host()


def test_asking_for_a_name_that_went_loads_no_torch():
    code = "import sys, impasto; assert not hasattr(impasto, 'statistics'); print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_another_name_is_left_alone():
    assert moved_name(ModuleNotFoundError("No module named 'cv2'")) == ""
    assert moved_name(ValueError("No module named 'impasto.judge'")) == ""
