"""Encoders known by name: their files are what their records say, and messages say where to get them."""

from pathlib import Path

import pytest
import torch

import impasto
from impasto.errors import WeightsError
from impasto.networks import PRETRAINED, SLIM19, SLIM19_HALF, encoder, load_vgg19, records

EMBEDDED = {"slim19": (SLIM19, 16), "slim19-half": (SLIM19_HALF, 32)}


@pytest.mark.parametrize("name", EMBEDDED)
def test_the_embedded_encoders_are_what_their_records_say(name):
    record, width = EMBEDDED[name]
    if not (Path(impasto.__file__).parent / "networks" / record.name).is_file():
        pytest.skip(f"{record.name} is not trained yet")
    found = encoder(name, calibrated=True)
    assert found.channels["relu1_1"] == width
    assert found.layers[-1] == "relu5_1"
    gram = found.features(impasto.samples.content("astronaut"), ["relu5_1"])["relu5_1"]
    assert gram.isfinite().all()


def test_vgg19_offline_says_where_to_get_it_and_where_to_put_it(tmp_path, monkeypatch):
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    monkeypatch.delenv("IMPASTO_WEIGHTS", raising=False)
    monkeypatch.setenv("IMPASTO_OFFLINE", "1")
    with pytest.raises(WeightsError, match=r"(?s)574\.7 MB.*https://download\.pytorch\.org/.*checkpoints"):
        load_vgg19()


def test_a_stage_lists_the_record_of_an_encoder_that_is_known_by_name():
    assert [records(name) for name in PRETRAINED] == [(record,) for record in PRETRAINED.values()]
    assert records("checkpoints/vgg.pth") == records("another-plugins-encoder") == ()
