import pytest

import impasto

from .example_frames import Fragile, Keeper, Tint


@pytest.fixture(autouse=True)
def _fresh(monkeypatch, tmp_path):
    Tint.studied.clear()
    monkeypatch.chdir(tmp_path)
    host = impasto.Host()
    offered = {
        "impasto_stylizers": impasto.hookimpl(lambda self: [Tint, Fragile]),
        "impasto_postprocessors": impasto.hookimpl(lambda self: [Keeper]),
    }
    host.register(type("Plugin", (), offered)(), "impasto-test 1.0")
    monkeypatch.setattr("impasto.host.registry._installed", lambda: host)
