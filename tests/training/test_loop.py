"""Training survives a kill, averages weights, and says what went wrong."""

from __future__ import annotations

import csv
import os
import pickle
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from torch import nn

from impasto import ParameterError, param
from impasto.files import write_atomically
from impasto.training import Task, Trainer, checkpoint, generator, loop, train, trapezoid

pytest.importorskip("accelerate", reason="training needs the extra `train`")


class Line(Task):
    """Fit a line to noisy points; small enough to compare runs bit for bit."""

    def __init__(self, pause: float = 0.0, poison: int | None = None, bias: bool = True, rate: float = 0.05) -> None:
        torch.manual_seed(0)
        self.networks = {"line": nn.Linear(4, 1, bias)}
        self.optimisers = {"adam": torch.optim.Adam(self.networks["line"].parameters(), lr=rate)}
        self.pause, self.poison, self.seen = pause, poison, 0

    def batch(self, rng):
        return torch.randn(16, 4, generator=rng)

    def losses(self, networks, batch, rng):
        time.sleep(self.pause)
        self.seen += 1
        noise = 0.1 * torch.randn(16, 1, generator=rng)
        error = (networks["line"](batch) - batch.sum(1, keepdim=True) - noise).square().mean()
        if self.poison is not None and self.seen > self.poison:
            error = error * float("nan")
        yield "adam", {"fit": error}

    def state(self):
        return {"seen": self.seen}

    def load_state(self, state):
        self.seen = state["seen"]

    def export(self, networks, folder):
        path = folder / "line.pt"
        write_atomically(path, lambda temporary: torch.save(networks["line"].state_dict(), temporary))
        return [path]


def run(folder: Path, steps: int = 60, **options) -> dict[str, torch.Tensor]:
    (path,) = train(Line(), folder, steps=steps, checkpoint_every=10, log_every=5, average=0.9, **options)
    return torch.load(path, weights_only=True)


def losses(folder: Path) -> list[str]:
    with (folder / "losses.csv").open(newline="") as file:
        return [f"{row['step']} {row['fit']}" for row in csv.DictReader(file)]


@pytest.mark.slow
def test_a_training_killed_and_resumed_ends_as_one_that_was_not(tmp_path):
    whole = run(tmp_path / "whole")

    script = (
        "import sys; sys.path.insert(0, sys.argv[1]); from test_loop import Line, train\n"
        "train(Line(pause=0.02), sys.argv[2], steps=60, checkpoint_every=10, log_every=5, average=0.9)"
    )
    killed = tmp_path / "killed"
    process = subprocess.Popen([sys.executable, "-c", script, str(Path(__file__).parent), str(killed)])
    deadline = time.monotonic() + 120
    while not (killed / "checkpoint.pt").exists() and time.monotonic() < deadline:
        time.sleep(0.005)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    step = torch.load(killed / "checkpoint.pt", weights_only=True)["step"]
    assert 10 <= step < 60

    resumed = run(killed)
    assert all(torch.equal(whole[key], resumed[key]) for key in whole)
    assert losses(killed) == losses(tmp_path / "whole")


def test_the_plateau_lets_a_run_be_prolonged(tmp_path):
    run(tmp_path, steps=20)
    run(tmp_path, steps=40)
    assert losses(tmp_path)[-1].startswith("40 ")
    assert torch.load(tmp_path / "checkpoint.pt", weights_only=True)["step"] == 40


def test_where_steps_take_long_a_checkpoint_does_not_wait_for_as_many(tmp_path, monkeypatch):
    monkeypatch.setattr(loop, "CHECKPOINT_SECONDS", 0)
    with pytest.raises(FloatingPointError, match="step 7 of 60"):
        train(Line(poison=7), tmp_path, steps=60, checkpoint_every=10)
    assert torch.load(tmp_path / "checkpoint.pt", weights_only=True)["step"] == 7


class Lines(Trainer, name="lines"):
    """Fit a line."""

    images: str = param(reads=True, help="folder of pictures")
    start: str = param(reads=True, default="", help="a file to start from")
    weight: float = param(default=1.0, help="of the loss")

    def task(self, device, seed=0):
        return Line()


class Others(Lines, name="others"):
    """Fit another line."""


@pytest.fixture
def trainer(tmp_path):
    """A trainer with a folder of pictures and a file, and ten steps behind it."""
    (tmp_path / "images").mkdir()
    for name in ("a", "b", "c"):
        (tmp_path / f"images/{name}.png").write_bytes(name.encode())
    (tmp_path / "start.pth").write_bytes(b"one")
    lines = Lines(images=str(tmp_path / "images"), start=str(tmp_path / "start.pth"))
    run_of(lines, tmp_path, 10)
    return lines


def run_of(trainer, tmp_path, steps=20, **options):
    return train(trainer.task(torch.device("cpu")), tmp_path / "out", steps=steps, **options)


def lines(trainer, kind=Lines, **changes):
    return kind(**trainer.values() | changes)


def test_a_training_goes_on_from_its_own_checkpoint_wherever_its_pictures_lie(trainer, tmp_path):
    (tmp_path / "images").rename(tmp_path / "moved")
    run_of(lines(trainer, images=str(tmp_path / "moved")), tmp_path)
    with pytest.raises(ParameterError, match="has 20 steps behind it, more than the 10 that were asked for"):
        run_of(lines(trainer, images=str(tmp_path / "moved")), tmp_path, 10)


def refused(trainer, tmp_path, says, **options):
    before = (tmp_path / "out/checkpoint.pt").read_bytes()
    with pytest.raises(ParameterError, match=rf"checkpoint\.pt: {says}") as caught:
        run_of(trainer, tmp_path, **options)
    assert "what to type: another folder, or resume=False" in str(caught.value)
    assert (tmp_path / "out/checkpoint.pt").read_bytes() == before


def test_another_training_does_not_go_on_from_a_checkpoint(trainer, tmp_path):
    refused(lines(trainer, weight=2.0), tmp_path, "belongs to another training: weight was 1.0 and is 2.0\n")
    refused(lines(trainer, Others), tmp_path, "belongs to another training: trainer was lines and is others\n")
    refused(trainer, tmp_path, "belongs to another training: seed was 0 and is 1\n", seed=1)
    (tmp_path / "start.pth").write_bytes(b"two")
    refused(trainer, tmp_path, "belongs to another training: start was a file of sha256 .* and is a file of sha256")
    run_of(lines(trainer, weight=2.0), tmp_path, resume=False)


def test_a_folder_in_the_home_folder_is_known_again(trainer, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    train(lines(trainer, images="~/images").task(torch.device("cpu")), "~/out", steps=11)
    (tmp_path / "images/a.png").unlink()
    refused(lines(trainer, images="~/images"), tmp_path, "belongs to another training: images: 1 of the 3 pictures")


def test_pictures_may_be_added_but_not_changed(trainer, tmp_path):
    (tmp_path / "images/d.png").write_bytes(b"d")
    with pytest.warns(UserWarning, match=r"goes on with 1 more pictures \(images\) than the 3 it began with"):
        run_of(trainer, tmp_path)
    (tmp_path / "images/a.png").write_bytes(b"another")
    (tmp_path / "images/b.png").unlink()
    refused(
        trainer, tmp_path, "belongs to another training: images: 2 of the 4 pictures there were are gone or changed"
    )


def test_a_task_of_no_trainer_is_known_by_its_networks_and_optimisers(tmp_path):
    run(tmp_path, steps=5)
    for task, says in [
        (Line(rate=0.01), "optimiser adam was Adam, rate 0.05 and is Adam, rate 0.01"),
        (Line(bias=False), r"line: bias was \(1,\) and is not there"),
    ]:
        with pytest.raises(ParameterError, match=f"belongs to another training: {says}"):
            train(task, tmp_path, steps=10)


@pytest.mark.parametrize("data", [b"", b"no checkpoint", pickle.dumps({"step": 3}, protocol=2), pickle.dumps(Path())])
def test_a_file_that_is_no_checkpoint_is_refused_and_kept(tmp_path, data):
    (tmp_path / "checkpoint.pt").write_bytes(data)
    with pytest.raises(ParameterError, match=r"checkpoint\.pt: cannot be gone on from|is no checkpoint of a training"):
        run(tmp_path, steps=5)
    assert (tmp_path / "checkpoint.pt").read_bytes() == data


def test_another_version_goes_on_and_says_so(trainer, tmp_path, monkeypatch):
    monkeypatch.setattr(checkpoint, "version", lambda name: "9.9")
    with pytest.warns(UserWarning, match="goes on with another version: impasto was .* and is 9.9"):
        run_of(trainer, tmp_path)


def test_resume_false_starts_again(tmp_path):
    first = run(tmp_path, steps=20)
    again = run(tmp_path, steps=20, resume=False)
    assert all(torch.equal(first[key], again[key]) for key in first)
    assert losses(tmp_path) == losses(tmp_path)
    assert [line.split()[0] for line in losses(tmp_path)] == ["5", "10", "15", "20"]


def test_averaged_weights_ship_and_lie_nearer_the_truth_than_the_last_ones(tmp_path):
    shipped = run(tmp_path, steps=200)
    assert torch.allclose(shipped["weight"], torch.ones(1, 4), atol=0.05)


def test_a_loss_that_is_not_finite_names_the_step_and_keeps_the_checkpoint(tmp_path):
    with pytest.raises(FloatingPointError, match=r"step 25 of 60 gave the losses \{'fit': nan\}"):
        train(Line(poison=25), tmp_path, steps=60, checkpoint_every=10)
    assert torch.load(tmp_path / "checkpoint.pt", weights_only=True)["step"] == 20


def test_a_second_training_in_one_process_may_use_another_precision(tmp_path):
    train(Line(), tmp_path / "a", steps=2)
    (path,) = train(Line(), tmp_path / "b", steps=2, precision="bf16")
    assert path.exists()


def test_the_learning_rate_warms_up_stays_and_falls_to_zero():
    rates = [trapezoid(step, 1000, warmup=10, decay=0.5) for step in (0, 9, 400, 750, 1000)]
    assert rates == pytest.approx([0.1, 1.0, 1.0, 0.5, 0.0])


def test_batches_depend_on_seed_and_step_alone():
    draws = [torch.rand(3, generator=generator(*key)) for key in ((0, 1), (0, 1), (0, 2), (1, 1))]
    assert torch.equal(draws[0], draws[1])
    assert not torch.equal(draws[0], draws[2])
    assert not torch.equal(draws[0], draws[3])


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM"])
def test_an_interrupted_training_keeps_its_last_step_and_goes_on_as_if_it_had_not_been(tmp_path, name):
    whole = run(tmp_path / "whole")

    class Interrupted(Line):
        def losses(self, networks, batch, rng):
            if self.seen == 6:
                os.kill(os.getpid(), getattr(signal, name))
            yield from super().losses(networks, batch, rng)

    Interrupted.__qualname__ = "Line"  # the same training
    former = signal.signal(signal.SIGTERM, signal.default_int_handler)  # as the command line takes it
    try:
        with pytest.raises(KeyboardInterrupt, match=r"step 7 of 60 is kept in .*checkpoint\.pt"):
            train(Interrupted(), tmp_path / "stopped", steps=60, checkpoint_every=10, log_every=5, average=0.9)
    finally:
        signal.signal(signal.SIGTERM, former)
    assert torch.load(tmp_path / "stopped/checkpoint.pt", weights_only=True)["step"] == 7
    resumed = run(tmp_path / "stopped")
    assert all(torch.equal(whole[key], resumed[key]) for key in whole)
    assert losses(tmp_path / "stopped") == losses(tmp_path / "whole")


def test_a_second_interruption_ends_a_training_at_once(tmp_path):
    class Impatient(Line):
        def losses(self, networks, batch, rng):
            for _ in range(2):
                os.kill(os.getpid(), signal.SIGINT)
            yield from super().losses(networks, batch, rng)

    handler = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt, match=r"^$"):
        train(Impatient(), tmp_path, steps=60)
    assert not (tmp_path / "checkpoint.pt").exists()
    assert signal.getsignal(signal.SIGINT) is handler


@pytest.mark.parametrize(("steps", "every"), [(60, 3), (8, 1)])
def test_checkpoints_of_a_short_training_are_as_dense_as_of_a_long_one(tmp_path, steps, every):
    kept = []

    def look(step, means):
        if (tmp_path / "checkpoint.pt").exists():
            kept.append(torch.load(tmp_path / "checkpoint.pt", weights_only=True)["step"])

    train(Line(), tmp_path, steps=steps, log_every=1, on_log=look)
    assert kept == [step // every * every for step in range(every, steps)]


def test_a_loss_that_is_not_finite_before_the_first_checkpoint_says_that_there_is_none(tmp_path):
    with pytest.raises(FloatingPointError, match=r"checkpoint\.pt was not written yet"):
        train(Line(poison=1), tmp_path, steps=60)


def test_the_learning_rate_warms_up_over_a_hundred_steps_however_few_there_are():
    assert trapezoid(0, 30) == trapezoid(0, 10_000) == 0.01


class Pair(Task):
    """Fit two lines, each by an optimiser of its own."""

    def __init__(self):
        torch.manual_seed(0)
        self.networks = {name: nn.Linear(4, 1) for name in ("first", "second")}
        self.optimisers = {
            name: torch.optim.SGD(network.parameters(), lr=0.5) for name, network in self.networks.items()
        }

    def batch(self, rng):
        return torch.randn(16, 4, generator=rng)

    def losses(self, networks, batch, rng):
        for name, network in networks.items():
            error = network(batch).float() - batch.sum(1, keepdim=True)
            yield name, {f"{name} fit": error.square().mean(), f"{name} size": 0.01 * error.abs().mean()}

    def export(self, networks, folder):
        return []


@pytest.fixture
def with_gradient_scaler(monkeypatch):
    """Accelerate on the CPU as on a GPU, where fp16 scales gradients."""
    import accelerate

    class Scaling(accelerate.Accelerator):
        def __init__(self, *args, **more):
            super().__init__(*args, **more)
            if self.mixed_precision == "fp16":
                self.native_amp, self.scaler = True, torch.amp.GradScaler("cpu", init_scale=256.0)

    monkeypatch.setattr(accelerate, "Accelerator", Scaling)


def test_several_networks_train_in_fp16_as_in_full_precision(tmp_path, with_gradient_scaler):
    ends = []
    for precision in ("fp16", "no"):
        train(Pair(), tmp_path / precision, steps=16, log_every=16, precision=precision)
        ends.append(torch.load(tmp_path / precision / "checkpoint.pt", weights_only=True)["networks"])
    for name, network in Pair().networks.items():
        torch.testing.assert_close(ends[0][name]["weight"], ends[1][name]["weight"], atol=0.01, rtol=0)
        assert (ends[1][name]["weight"] - network.weight).abs().max() > 0.1


def test_the_losses_of_an_update_are_read_at_once(tmp_path, monkeypatch):
    """Each reading waits until an accelerator has done all that it was asked to."""
    read = {"item": 0, "tolist": 0}
    for name in ("item", "tolist", "__float__", "__bool__"):
        kind, one = ("tolist" if name == "tolist" else "item"), getattr(torch.Tensor, name)

        def counted(tensor, one=one, kind=kind):
            read[kind] += tensor.requires_grad or tensor.grad_fn is not None
            return one(tensor)

        monkeypatch.setattr(torch.Tensor, name, counted)
    train(Pair(), tmp_path, steps=3)
    assert read == {"item": 0, "tolist": 6}
