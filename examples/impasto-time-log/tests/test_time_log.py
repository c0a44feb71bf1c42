import json
import tempfile
from pathlib import Path

import pytest

import impasto
from impasto.cli import main
from impasto.testing import parametrize_checks
from impasto_time_log import TimeLog


def time_log():
    return TimeLog(path=str(Path(tempfile.mkdtemp()) / "log.jsonl"))


@parametrize_checks(time_log, of="watcher")
def test_time_log(watcher, check):
    check(watcher)


class Wait(impasto.Postprocessor, name="wait"):
    """Take a while."""

    def refine(self, image, content, styles):
        return image


def lines(path):
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_there_is_a_line_for_each_stage_of_each_frame(tmp_path):
    log = tmp_path / "log.jsonl"
    log.write_text("what was there before\n", encoding="utf-8")
    photo = impasto.samples.content("astronaut", 64)
    list(impasto.Pipeline(Wait(), Wait()).stream([photo] * 3, plugins=[TimeLog(path=log)], device="cpu"))
    assert [(line["stage"], line["frame"]) for line in lines(log)] == [("wait", 1 + index // 2) for index in range(6)]
    assert all(line["seconds"] >= 0 and line["width"] == 64 and line["device"] == "cpu" for line in lines(log))


def test_a_folder_that_is_not_there_is_found_before_the_painting(tmp_path):
    with pytest.raises(impasto.ParameterError, match="time-log, path: "):
        impasto.Pipeline(Wait())(
            impasto.samples.content("astronaut", 64), plugins=[TimeLog(path=tmp_path / "no" / "log")]
        )


def test_the_command_line_takes_it_by_name_and_spares_the_photograph(tmp_path, capsys):
    photo, out, log = tmp_path / "photo.png", tmp_path / "out.png", tmp_path / "log.jsonl"
    impasto.read(impasto.samples.content("astronaut", 64)).save(photo)
    before = photo.read_bytes()
    paint = ["paint", str(photo), "-o", str(out), "--with", "", "--watch"]
    assert main([*paint, f"time-log:path={log}"]) == 0
    assert main([*paint, f"time-log:path={photo}"]) != 0
    assert "time-log, path" in capsys.readouterr().err
    assert photo.read_bytes() == before
    assert main([*paint, "time-lag"]) != 0
    assert "did you mean 'time-log'?" in capsys.readouterr().err


def test_a_log_may_lie_in_the_home_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    impasto.Pipeline(Wait())(impasto.samples.content("astronaut", 32), plugins=[TimeLog(path="~/log.jsonl")])
    assert len(lines(tmp_path / "log.jsonl")) == 1
