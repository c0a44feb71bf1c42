"""`impasto weights` lists every network that may be needed."""

from types import SimpleNamespace

import pytest
import torch

import impasto
from impasto import cli, networks, training
from impasto.cli import weights
from impasto.weights import Loader, verify

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


def test_a_file_that_two_plugins_describe_in_their_own_words_is_listed_once(installed, monkeypatch):
    ours = impasto.Weights("large.pth", "0" * 64, 1, "MIT", "a test", "nothing")
    theirs = impasto.Weights(
        "large.pth", "0" * 64, 1, "MIT", "copied from a test", "nothing", url="https://example.org"
    )
    first, second = list(installed.stages.values())[:2]
    monkeypatch.setattr(first, "known_weights", (ours,))
    monkeypatch.setattr(second, "known_weights", (theirs,))
    records = weights.known_records()
    assert records[ours] == [first.name, second.name]
    assert theirs not in records


def test_the_record_of_a_file_is_printed_to_paste(capsys, tmp_path):
    folder = tmp_path / "src" / "impasto_tiny" / "painting" / "networks"
    folder.mkdir(parents=True)
    for package in (folder.parent, folder.parent.parent):
        (package / "__init__.py").touch()
    file = training.save_half(folder / "tiny-wave.safetensors", {"weight": torch.rand(3, 4), "bias": torch.rand(3)})
    assert cli.main(["weights", "--record", str(file)]) == 0
    code = capsys.readouterr().out
    names = {"impasto": impasto}
    exec(code, names)
    record = names["TINY_WAVE"]
    assert record.file == "impasto_tiny/painting/networks/tiny-wave.safetensors"
    assert "2 tensors, 15 numbers" in record.expects
    assert verify(record, file) == file


def test_the_record_of_a_file_outside_a_package_asks_for_its_address(capsys, tmp_path):
    file = training.save_half(tmp_path / "19 layers.safetensors", {"weight": torch.rand(3)})
    assert cli.main(["weights", "--record", str(file)]) == 0
    code = capsys.readouterr().out
    assert code.startswith("NETWORK_19_LAYERS = impasto.Weights(")
    assert 'url="https://…"' in code


def test_what_is_no_network_gets_no_record(capsys, tmp_path):
    (tmp_path / "photo.pth").write_bytes(b"no network")
    assert cli.main(["weights", "--record", str(tmp_path / "photo.pth")]) != 0
    assert cli.main(["weights", "--record", str(tmp_path / "missing.pth")]) != 0
    assert "Weights(" not in capsys.readouterr().out


def test_who_uses_networks_by_name_is_listed_with_them(installed, monkeypatch):
    class ByName(impasto.Stylizer, name="by-name"):
        """Paint with another's decoder."""

        def stylize(self, content, styles, guides):
            return content

        def weights(self):
            return (*networks.records("slim19"), *networks.records("far"))

    class Needs(ByName, name="needs"):
        """Paint, told how."""

        how: str = impasto.param(help="how it paints")

    far = impasto.Weights("far.pth", "1" * 64, 1, "MIT", "a test", "nothing")
    plugin = SimpleNamespace(
        __name__="far",
        impasto_stylizers=impasto.hookimpl(lambda: [ByName, Needs], specname="impasto_stylizers"),
        impasto_decoders=impasto.hookimpl(
            lambda: {"far": Loader(torch.nn.Identity, (far,))}, specname="impasto_decoders"
        ),
    )
    host = impasto.Host(plugin)
    monkeypatch.setattr("impasto.host.registry._installed", lambda: host)
    records = weights.known_records()
    assert records[far] == ["decoders", "by-name"]
    assert records[networks.SLIM19] == ["encoders", "by-name"]
