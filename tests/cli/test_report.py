"""`impasto report` says what an issue needs, and nothing private."""

from pathlib import Path

import pytest
import torch

from impasto import cli
from impasto.cli.report import waiting_threads

pytestmark = pytest.mark.usefixtures("installed")


def test_the_report_has_versions_and_hides_the_home_folder(installed, capsys, monkeypatch, tmp_path):
    monkeypatch.setattr(Path, "home", lambda: tmp_path)
    installed.broken["impasto-sad 0.1"] = f"OSError: {tmp_path}/secret"
    assert cli.main(["report"]) == 0
    out = capsys.readouterr().out
    assert f"torch {torch.__version__.partition('+')[0]}" in out
    assert "impasto-test 1.0" in out
    assert "OSError: ~/secret" in out
    assert str(tmp_path) not in out


def test_the_report_says_how_threads_wait_and_who_set_it(capsys, monkeypatch):
    monkeypatch.setenv("GOMP_SPINCOUNT", "3000")
    monkeypatch.delenv("OMP_WAIT_POLICY", raising=False)
    monkeypatch.setattr("impasto._SETS_SPINCOUNT", True)
    assert cli.main(["report"]) == 0
    assert "waiting threads: GOMP_SPINCOUNT=3000, set by Impasto\n" in capsys.readouterr().out
    monkeypatch.setattr("impasto._SETS_SPINCOUNT", False)
    assert waiting_threads() == "GOMP_SPINCOUNT=3000, set by the environment"
    monkeypatch.delenv("GOMP_SPINCOUNT")
    monkeypatch.setenv("OMP_WAIT_POLICY", "passive")
    assert waiting_threads() == "OMP_WAIT_POLICY=passive, set by the environment"
    monkeypatch.delenv("OMP_WAIT_POLICY")
    assert "torch was imported before" in waiting_threads()
