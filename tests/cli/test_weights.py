"""`impasto weights` lists every network that may be needed."""

import pytest
import torch

import impasto
from impasto import cli
from impasto.cli import weights

pytestmark = pytest.mark.usefixtures("installed")


def test_weights_are_listed_without_the_network(capsys, monkeypatch, tmp_path):
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    monkeypatch.setattr("urllib.request.urlopen", lambda *_, **__: pytest.fail("it went to the network"))
    assert cli.main(["weights"]) == 0
    out = capsys.readouterr().out
    assert "vgg19-dcbb9e9d.pth: 574.7 MB, BSD-3-Clause" in out
    assert "downloaded when first used, from https://download.pytorch.org" in out


def test_weights_that_a_stage_needs_with_other_parameters_are_listed_too(installed, monkeypatch):
    record = impasto.Weights("large.pth", "0" * 64, 1, "MIT", "a test", "nothing")
    stage = next(iter(installed.stages.values()))
    monkeypatch.setattr(stage, "known_weights", (record,))
    assert weights.known_records()[record] == [stage.name]
