"""Exit codes, traces, and what an error says."""

import os
import subprocess
import sys

import pytest

from impasto import cli
from impasto.cli import paint

pytestmark = pytest.mark.usefixtures("installed")


def test_a_failing_stage_is_named_and_its_trace_is_shown_when_asked(capsys, monkeypatch, make):
    wide = make("wide.png", size=(4, 9))
    command = ["paint", wide, "-o", "out.png", "--with", "picky"]
    assert cli.main(command) == 1
    err = capsys.readouterr().err
    assert "stage 1 of 1, 'picky' (impasto-test 1.0): too wide\n  what would work: a narrower picture" in err
    assert "--traceback" in err
    assert "Traceback" not in err
    assert cli.main([*command, "--traceback"]) == 1
    assert "Traceback" in capsys.readouterr().err
    monkeypatch.setenv("IMPASTO_TRACEBACK", "1")
    assert cli.main(command) == 1
    assert "Traceback" in capsys.readouterr().err


def test_a_fault_of_the_program_is_shown_whole_and_says_where_to_report(photo, monkeypatch, capsys):
    monkeypatch.setattr(paint, "stage_names", lambda pipeline: {}["a bug"])
    assert cli.main(["paint", photo, "-o", "out.png", "--with", "picky"]) == 1
    err = capsys.readouterr().err
    assert "KeyError: 'a bug'" in err
    assert "report it" in err


def start(*arguments, **settings):
    environment = {**os.environ, "IMPASTO_PLUGINS": "", "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "impasto", *arguments]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    return subprocess.Popen(command, env=environment, **pipes, **settings)


def test_the_program_gives_exit_codes_and_no_traces():
    program = start("paint", "nowhere.png", "-o", "out.png", "--with", "")
    out, err = program.communicate(timeout=60)
    assert program.returncode == 2
    assert err.startswith("impasto: nowhere.png: there is no such file")
    assert not out
