import os
from pathlib import Path

import numpy as np
import pytest
import torch

import impasto
from impasto.testing import parametrize_checks
from impasto_curve import Curve, toned

DARK = Path(__file__).parent / "dark.txt"


@parametrize_checks(Curve(path=DARK), Curve(path=DARK, strength=0.5))
def test_curve(stage, check):
    check(stage)


def paint(stage, image):
    return impasto.Pipeline(stage)(image, device="cpu").tensor


def test_tones_are_those_of_numpys_interpolation():
    image = torch.rand(2, 3, 9, 7, generator=torch.Generator().manual_seed(1))
    tones, results = torch.tensor([0.1, 0.4, 0.9]), torch.tensor([0.3, 0.2, 1.0])
    expected = np.interp(image.numpy(), tones.numpy(), results.numpy())
    torch.testing.assert_close(toned(image, tones, results), torch.from_numpy(expected).float())


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("0 0\n0.5 dark\n1 1", "line 2 is '0.5 dark'"),
        ("0 0\n0.5\n1 1", "line 2 is '0.5'"),
        ("0 0\n1 255", "line 2 is '1 255'"),
        ("0 0\n1 nan", "line 2 is '1 nan'"),
        ("1 1\n0 0", "do not rise"),
        ("", "do not rise"),
        ("0 0\n" * 20_000, "64 KiB"),
    ],
)
def test_what_is_no_curve_is_refused_in_words(tmp_path, text, message):
    (tmp_path / "a.txt").write_text(text)
    with pytest.raises(impasto.StageError, match=f"(?s){message}.*what would work"):
        paint(Curve(path=tmp_path / "a.txt"), torch.zeros(1, 3, 4, 4))


def test_a_changed_file_is_read_anew_and_a_pipeline_names_it_from_its_folder(tmp_path, monkeypatch):
    image = torch.full((1, 3, 4, 4), 0.5)
    curve = tmp_path / "a.txt"
    curve.write_text("0 0\n1 1\n")
    monkeypatch.chdir(tmp_path)
    impasto.Pipeline(Curve(path="a.txt")).save("tones.toml")
    assert 'path = "a.txt"' in (tmp_path / "tones.toml").read_text()
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    pipe = impasto.Pipeline.load("../tones.toml")
    torch.testing.assert_close(pipe(image, device="cpu").tensor, image)
    curve.write_text("0 0\n1 0.5\n")
    os.utime(curve, ns=(1, 1))  # lest it be written twice in one tick of the clock
    torch.testing.assert_close(pipe(image, device="cpu").tensor, image / 2)


def test_a_curve_may_lie_in_the_home_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    (tmp_path / "dark.txt").write_bytes(DARK.read_bytes())
    photo = impasto.samples.content("cat", 32)
    assert torch.equal(paint(Curve(path="~/dark.txt"), photo), paint(Curve(path=DARK), photo))
