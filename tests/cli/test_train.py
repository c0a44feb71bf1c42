"""`impasto train` takes the options that a trainer declares."""

import signal
from pathlib import Path

import pytest
import torch

import impasto
from impasto import cli
from impasto.cli import train
from impasto.training import Task, Trainer

pytestmark = pytest.mark.usefixtures("installed")


class Line(Task):
    """Fit a line through points on y = 2 x."""

    def __init__(self, rate):
        self.networks = {"line": torch.nn.Linear(1, 1)}
        self.optimisers = {"line": torch.optim.SGD(self.networks["line"].parameters(), rate)}

    def batch(self, rng):
        return torch.rand(8, 1, generator=rng)

    def losses(self, networks, batch, rng):
        yield "line", {"square": (networks["line"](batch) - 2 * batch).square().mean()}

    def export(self, networks, folder):
        torch.save(networks["line"].state_dict(), folder / "line.pth")
        return [folder / "line.pth"]


class FitLine(Trainer, name="fit-line"):
    """Fit a line."""

    rate: float = impasto.param(default=0.1, low=0, help="learning rate, 100 % of it")
    data: str = impasto.param(help="where the points are")
    many: tuple[int, ...] = impasto.param(default=(1, 2), help="numbers")
    fast: bool = impasto.param(default=False, help="hurry")

    def task(self, device):
        assert (self.data, self.many, self.fast) == ("2024", (3, 4), True)
        return Line(self.rate)


def test_train_takes_the_options_that_its_trainer_declares(installed, capsys, monkeypatch):
    pytest.importorskip("accelerate")
    installed.register(
        type("Trainers", (), {"impasto_trainers": impasto.hookimpl(lambda self: [FitLine])})(), "impasto-line 1.0"
    )
    options = ["--data", "2024", "--many", "3", "4", "--fast", "--out", "line"]
    assert cli.main(["train", "fit-line", *options, "--steps", "4"]) == 0
    assert "line.pth" in capsys.readouterr().out
    assert Path("line/line.pth").exists()
    assert cli.main(["train", "fit-line", *options, "--steps", "6", "--rate", "0.2"]) == 2
    said = capsys.readouterr().err
    assert "checkpoint.pt: belongs to another training: rate was 0.1 and is 0.2" in said
    assert "what to type: another folder, or --no-resume" in said
    assert cli.main(["train", "fit-line", *options, "--steps", "6", "--rate", "0.2", "--no-resume"]) == 0
    capsys.readouterr()
    assert cli.main(["train", "fit-line", *options, "--rate", "-1"]) == 2
    assert "fit-line: rate = -1.0 does not fit" in capsys.readouterr().err
    with pytest.raises(SystemExit) as ended:
        cli.main(["train", "fit-line", "--help"])
    assert ended.value.code == 0
    assert "--many" in capsys.readouterr().out
    assert cli.main(["train", "fit-lime"]) == 2
    assert "did you mean 'fit-line'?" in capsys.readouterr().err


@pytest.mark.parametrize("again", [[], ["--no-resume"]])
def test_an_interruption_says_what_is_kept_and_the_same_command_goes_on(installed, capsys, again):
    pytest.importorskip("accelerate")

    class Stopped(Line):
        stop_at = 3

        def losses(self, networks, batch, rng):
            Stopped.stop_at -= 1
            if Stopped.stop_at == 0:
                signal.raise_signal(signal.SIGINT)
            yield from super().losses(networks, batch, rng)

    class FitStopped(Trainer, name="fit-stopped"):
        """Fit a line."""

        def task(self, device, seed=0):
            return Stopped(0.1)

    class FitNothing(Trainer, name="fit-nothing"):
        """Be interrupted before the first step."""

        def task(self, device, seed=0):
            raise KeyboardInterrupt

    installed.register(
        type("Trainers", (), {"impasto_trainers": impasto.hookimpl(lambda self: [FitStopped, FitNothing])})(),
        "impasto-line 1.0",
    )
    train = ["train", "fit-stopped", "--out", "out", "--steps", "20"]
    assert cli.main(train + again) == 130
    said = capsys.readouterr().err
    assert f"step 3 of 20 is kept in {Path('out/checkpoint.pt')}" in said
    assert ("the same command without --no-resume goes on" in said) is bool(again)
    assert cli.main(train) == 0
    said = capsys.readouterr().err
    assert "step 10 of 20: square " in said  # where no terminal shows a bar
    with Path("out/losses.csv").open() as file:
        assert [line.partition(",")[0] for line in file] == ["step", "10", "20"]
    assert cli.main(["train", "fit-nothing"]) == 130
    assert "no step was kept, and the same command begins anew" in capsys.readouterr().err


def test_a_training_takes_no_bfloat16_that_the_hardware_only_emulates(monkeypatch):
    for has, expected in ((True, "bf16"), (False, "no")):
        monkeypatch.setattr(train, "use_bfloat16", lambda device, precision, has=has: has)
        halved = type("Halved", (FitLine,), {"precision": "bf16"}, name="halved")
        assert train.suited_precision(halved, torch.device("cpu")) == expected
        assert train.suited_precision(FitLine, torch.device("cpu")) == "no"


def test_without_a_trainer_the_trainers_are_listed_each_apart_from_its_summary(installed, capsys):
    class LongName(Trainer, name="fit-a-line-through-many-points"):
        """Fit it."""

    installed.register(
        type("Trainers", (), {"impasto_trainers": impasto.hookimpl(lambda self: [FitLine, LongName])})(), "lines 1.0"
    )
    assert cli.main(["train"]) == 0
    out = capsys.readouterr().out
    assert "fit-a-line-through-many-points  Fit it." in out
    assert "fit-line                        Fit a line." in out
