"""Every hook by which a plugin offers something."""

import pytest
import torch

import impasto
from impasto.training import Trainer

from .example_stages import Flat, Negative, Stepwise, Wash


def test_hook_preprocessors(plugin):
    host = impasto.Host(plugin(impasto_preprocessors=lambda: [Wash]))
    assert host.stage("wash") is Wash
    assert list(host.preprocessors) == ["wash"]
    assert not host.stylizers


def test_hook_stylizers(plugin):
    host = impasto.Host(plugin(impasto_stylizers=lambda: (Flat,)))
    assert host.stage("flat") is Flat
    assert list(host.stylizers) == ["flat"]
    assert host.distribution(Flat) == "sketch"


def test_hook_postprocessors(plugin):
    host = impasto.Host(plugin(impasto_postprocessors=lambda: [Negative, Stepwise]))
    assert list(host.postprocessors) == ["negative", "stepwise"]
    assert host.offers("sketch") == {"postprocessor": ["negative", "stepwise"]}


def test_hook_encoders(plugin):
    def load():
        return torch.nn.Identity()

    host = impasto.Host(plugin(impasto_encoders=lambda: {"glance": load}))
    assert host.encoder("glance") is load
    assert list(host.encoders) == sorted(host.encoders)


def test_hook_trainers(plugin):
    class Tiny(Trainer, name="tiny"):
        """Train next to nothing."""

    host = impasto.Host(plugin(impasto_trainers=lambda: [Tiny]))
    assert host.trainer("tiny") is Tiny
    with pytest.raises(LookupError, match="did you mean 'tiny'"):
        host.trainer("tini")
