import pytest

import impasto

from .example_frames import Fragile, Tint


@pytest.fixture(autouse=True)
def _fresh(monkeypatch, tmp_path):
    Tint.studied.clear()
    monkeypatch.chdir(tmp_path)
    host = impasto.Host()
    host.register(
        type("Plugin", (), {"impasto_stylizers": impasto.hookimpl(lambda self: [Tint, Fragile])})(), "impasto-test 1.0"
    )
    monkeypatch.setattr("impasto.host.registry._installed", lambda: host)
