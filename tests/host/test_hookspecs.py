"""Every hook by which a plugin offers something."""

import pytest
import torch

import impasto
from impasto.functional.losses import Statistic
from impasto.functional.metrics import Metric
from impasto.stage import Look
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


def test_hook_decoders(plugin):
    def load():
        return torch.nn.Identity()

    host = impasto.Host(plugin(impasto_decoders=lambda: {"glance-back": load}))
    assert host.decoder("glance-back") is load
    assert "glance-back" in host.decoders
    with pytest.raises(LookupError, match=r"offers a decoder called 'glance-bak'(.|\n)*did you mean 'glance-back'"):
        host.decoder("glance-bak")


def test_hook_statistics(plugin):
    mean = Statistic(lambda features, weights: (features.mean((-2, -1)),))
    host = impasto.Host(plugin(impasto_statistics=lambda: {"mean-of-channels": mean}))
    assert host.statistic("mean-of-channels") is mean
    assert "mean-of-channels" in host.statistics
    assert "wasserstein2" in host.statistics


def test_hook_metrics(plugin):
    brightness = Metric(lambda result: result.mean((1, 2, 3)), better="higher")
    host = impasto.Host(plugin(impasto_metrics=lambda: {"brightness": brightness}))
    assert host.metric("brightness") is brightness
    assert {"brightness", "ssim"} <= set(host.metrics)
    with pytest.raises(LookupError, match=r"offers a metric called 'brightnes'(.|\n)*did you mean 'brightness'"):
        host.metric("brightnes")


def test_hook_watchers(plugin):
    class Steps(impasto.Watcher, name="steps"):
        """Count the steps of a run."""

        @impasto.hookimpl
        def impasto_step(self, step):
            pass

    host = impasto.Host(plugin(impasto_watchers=lambda: [Steps]))
    assert host.watcher("steps") is Steps
    assert host.offers("sketch") == {"watcher": ["steps"]}


def test_hook_samples(plugin):
    def grey(size):
        return torch.full((1, 3, size, size), 0.5)

    host = impasto.Host(plugin(impasto_samples=lambda: {"grey": grey}))
    assert host.sample("grey") is grey
    assert list(host.samples) == ["grey"]


def test_hook_readers(plugin):
    host = impasto.Host(plugin(impasto_readers=lambda: {".raw8": bytearray}))
    assert host.reader(".raw8") is bytearray
    assert list(host.readers) == [".raw8"]


def test_hook_looks(plugin):
    pale = Look("Half of the way", stages="adain:strength=0.5")
    host = impasto.Host(plugin(impasto_looks=lambda: {"pale": pale}))
    assert host.look("pale") is pale
    assert list(host.looks) == ["pale"]


def test_hook_commands(plugin):
    def options(parser):
        return print

    host = impasto.Host(plugin(impasto_commands=lambda: {"greet": options}))
    assert host.command("greet") is options
    assert list(host.commands) == ["greet"]
