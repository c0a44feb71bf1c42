"""Exit codes, traces, and what an error says."""

import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

import impasto
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


class Ended(impasto.Stylizer, name="ended"):
    """Darken step by step, and get a signal on the way."""

    style = "optional"
    number: int = impasto.param(default=15, low=1, help="of the signal")
    times: int = impasto.param(default=1, low=0, help="how often it comes")

    def stylize(self, content, styles, guides):
        for step in range(1, 6):
            self.report(step, 5, content * 0.5, {})
            if step == 2:
                for _ in range(self.times):
                    signal.raise_signal(self.number)
        return content * 0.5


class EndedPlugin:
    __name__ = "impasto-test 1.0"

    @impasto.hookimpl
    def impasto_stylizers(self):
        return [Ended]


@pytest.fixture
def ended(monkeypatch, photo):
    monkeypatch.setattr("impasto.host.registry._installed", lambda: impasto.Host(EndedPlugin()))
    return ["paint", photo, "-o", "out.png", "--with"]


@pytest.mark.skipif(os.name != "posix", reason="Windows ends programs without asking")
@pytest.mark.parametrize("name", ["SIGTERM", "SIGHUP"])
def test_a_signal_to_end_keeps_the_picture_so_far(name, ended, mean, capsys):
    number = getattr(signal, name)
    outer = signal.signal(number, signal.SIG_DFL)  # where these tests run under nohup, it is ignored
    try:
        assert cli.main([*ended, f"ended:number={int(number)}"]) == 128 + number
        assert signal.getsignal(number) == signal.SIG_DFL
    finally:
        signal.signal(number, outer)
    assert mean("out.interrupted.png") == [0.1, 0.2, 0.3]
    assert sorted(os.listdir()) == ["out.interrupted.png", "photo.png"]
    assert "ended at step 2 of 5; out.interrupted.png is the picture so far" in capsys.readouterr().err


@pytest.mark.skipif(os.name != "posix", reason="Windows ends programs without asking")
def test_a_second_signal_does_not_interrupt_the_saving(ended, mean, monkeypatch):
    save = paint.save_picture

    def signalled(*arguments):
        signal.raise_signal(signal.SIGTERM)
        save(*arguments)

    monkeypatch.setattr(paint, "save_picture", signalled)
    assert cli.main([*ended, "ended"]) == 143
    assert mean("out.interrupted.png") == [0.1, 0.2, 0.3]


@pytest.mark.skipif(not hasattr(signal, "SIGHUP"), reason="Windows has no terminals that hang up")
def test_nohup_is_respected(ended, mean):
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        assert cli.main([*ended, f"ended:number={int(signal.SIGHUP)}"]) == 0
    finally:
        signal.signal(signal.SIGHUP, before)
    assert mean("out.png") == [0.1, 0.2, 0.3]


def test_in_a_thread_the_signals_are_left_to_the_program(ended, mean):
    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(cli.main, [*ended, "ended:times=0"]).result() == 0
    assert mean("out.png") == [0.1, 0.2, 0.3]


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
