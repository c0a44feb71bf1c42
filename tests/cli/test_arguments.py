"""What a word of the command line stands for."""

import argparse
from pathlib import Path

import pytest

from impasto.cli.arguments import RegionArgument, StyleArgument, positive_integer, region_argument, style_argument


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(
    ("text", "argument"),
    [
        ("painting.jpg", StyleArgument("painting.jpg")),
        ("painting.jpg:0.5", StyleArgument("painting.jpg", 0.5)),
        ("sky=painting.jpg:2", StyleArgument("painting.jpg", 2.0, "sky")),
        ("C:/painting.jpg", StyleArgument("C:/painting.jpg")),
        ("painting.jpg:", StyleArgument("painting.jpg:")),
    ],
)
def test_a_style_has_a_weight_and_a_region(text, argument):
    assert style_argument(text) == argument


@pytest.mark.parametrize("name", ["a:1", "a=b.jpg", "a=b:1"])
def test_a_file_that_exists_may_have_any_name(name):
    Path(name).touch()
    assert style_argument(name) == StyleArgument(name)
    assert style_argument(f"{name}:0.5") == StyleArgument(name, 0.5)
    assert style_argument(f"sky={name}:0.5") == StyleArgument(name, 0.5, "sky")


@pytest.mark.parametrize(
    ("text", "advice"), [("a.jpg:0,5", r"what to type: a\.jpg:0\.5"), ("a.jpg:nan", r"what to type: a\.jpg:0\.5")]
)
def test_a_weight_that_is_no_number_says_what_to_type(text, advice):
    with pytest.raises(argparse.ArgumentTypeError, match=advice):
        style_argument(text)


def test_a_region_has_a_label_and_a_file():
    assert region_argument("sky=a=b.png") == RegionArgument("sky", "a=b.png")
    for text in ("sky.png", "=sky.png", "sky="):
        with pytest.raises(argparse.ArgumentTypeError, match="what to type: --guides sky="):
            region_argument(text)


def test_whole_numbers_are_above_0():
    assert positive_integer("12") == 12
    for text in ("0", "-1", "1.5", "many"):
        with pytest.raises(argparse.ArgumentTypeError, match="whole number above 0"):
            positive_integer(text)
