"""The kit finds what is wrong with a trainer, says what to do, and accuses no sound one."""

from dataclasses import replace

import pytest
import torch
from torch import nn

import impasto
from impasto import testing
from impasto.files import write_atomically
from impasto.functional import seeded_layers
from impasto.testing import trainings
from impasto.training import Task, Trainer, save_half

pytest.importorskip("accelerate", reason="training needs the extra `train`")


class Fit(Task):
    """Fit a line to points."""

    def __init__(self, trainer, seed, device="cpu"):
        self.trainer, self.device = trainer, device
        with seeded_layers(seed):
            self.networks = {"line": nn.Linear(4, 3).to(device)}
        self.optimisers = {"adam": torch.optim.Adam(self.networks["line"].parameters(), lr=0.05)}

    def batch(self, rng):
        return {"points": torch.randn(8, 4, generator=rng)}

    def losses(self, networks, batch, rng):
        points, noise = batch["points"].to(self.device), torch.randn(8, 3, generator=rng).to(self.device)
        error = networks["line"](points) - points.sum(1, keepdim=True) - noise
        yield "adam", {"fit": self.trainer.weight * error.square().mean()}

    def preview(self, networks):
        return networks["line"].weight.detach().clamp(0, 1).view(1, 3, 2, 2)

    def export(self, networks, folder):
        return [save_half(folder / "line.safetensors", networks["line"].state_dict())]


class Line(Trainer, name="line"):
    """Fit a line to points."""

    weight: float = impasto.param(default=1.0, low=0, high=10, help="weight of the error")
    images: str = impasto.param(default="", reads=True, help="folder of pictures")

    def task(self, device, seed=0):
        return Fit(self, seed, device)


def with_task(**methods):
    """A trainer that is sound but for some methods of its task."""
    task = type("Faulty", (Fit,), methods)

    class Other(Trainer, name="line"):
        """Fit a line to points."""

        weight: float = impasto.param(default=1.0, low=0, high=10, help="weight of the error")

        def task(self, device, seed=0):
            return task(self, seed, device)

    return Other()


@testing.parametrize_checks(
    Line(), of="trainer", expected_failures={"is_offered_by_a_distribution": "defined in this file"}
)
def test_a_sound_trainer_passes(trainer, check):
    check(trainer)


def counted(self, rng):
    self.drawn = getattr(self, "drawn", 0) + 1
    return {"points": torch.randn(8, 4, generator=rng) + self.drawn}


def global_numbers(self, rng):
    return {"points": torch.randn(8, 4)}


def constant(self, rng):
    return {"points": torch.ones(8, 4)}


def unseeded(self, trainer, seed, device):
    Fit.__init__(self, trainer, seed, device)
    nn.init.normal_(self.networks["line"].weight)


def seeding(self, trainer, seed, device):
    torch.manual_seed(seed)
    Fit.__init__(self, trainer, seed, device)
    self.networks["line"].reset_parameters()


def elsewhere(self, networks, batch, rng):
    yield "adam", {"fit": Fit(self.trainer, 1).networks["line"](batch["points"]).square().mean()}


def growing(self, networks, batch, rng):
    self.seen = getattr(self, "seen", 0) + 1
    for name, losses in Fit.losses(self, networks, batch, rng):
        yield name, {key: value + self.seen * networks["line"].weight[0, 0] for key, value in losses.items()}


def drawing(self, networks, batch, rng):
    for name, losses in Fit.losses(self, networks, batch, rng):
        yield name, {key: value + networks["line"].weight.sum() * torch.randn(()) for key, value in losses.items()}


def left_on_the_cpu(self, networks, batch, rng):
    yield "adam", {"fit": networks["line"](batch["points"]).square().mean()}


def with_a_goal_of_the_cpu(self, trainer, seed, device):
    Fit.__init__(self, trainer, seed, device)
    self.goal = torch.ones(8, 3)


def compared(self, networks, batch, rng):
    error = networks["line"](batch["points"].to(self.device)) - self.goal
    yield "adam", {"fit": error.square().mean()}


def pickling(self, networks, folder):
    path = folder / "line.pt"
    write_atomically(path, lambda temporary: torch.save(networks["line"], temporary))
    return [path]


def outside(self, networks, folder):
    return [save_half(folder.parent / "line.safetensors", networks["line"].state_dict())]


class Undeclared(Line, name="undeclared"):
    """Fit a line to points."""

    images: str = impasto.param(default=".", help="folder of pictures")


class Helpless(Line, name="helpless"):
    """Fit a line to points."""

    rate: float = impasto.param(default=1.0, help="rate")


class Unsigned(Line, name="unsigned"):
    """Fit a line to points."""


def never_there():
    class Absent(Line, name="absent"):
        """Fit a line to points."""

    Absent.__qualname__ = "Absent"
    return Absent()


@pytest.mark.parametrize(
    ("trainer", "check", "advice"),
    [
        (Helpless(), "has_a_summary_and_helpful_parameters", "a few words"),
        (Undeclared(), "declares_the_files_it_reads", "reads=True"),
        (with_task(__init__=unseeded), "starts_from_its_seed_alone", "seeded_layers"),
        (with_task(__init__=seeding), "starts_from_its_seed_alone", "own random numbers"),
        (with_task(batch=counted), "draws_its_batches_from_the_generator_alone", "no counters"),
        (with_task(batch=global_numbers), "draws_its_batches_from_the_generator_alone", "second time"),
        (with_task(batch=constant), "draws_its_batches_from_the_generator_alone", "the same batch"),
        (with_task(losses=elsewhere), "trains_every_network", "fails|as it was"),
        (with_task(losses=lambda self, networks, batch, rng: 3), "trains_every_network", "yields"),
        (with_task(losses=growing), "resumes_to_the_bit", "load_state"),
        (with_task(losses=drawing), "resumes_to_the_bit", "from rng alone"),
        (with_task(export=pickling), "exports_what_loads", "save_half"),
        (with_task(export=outside), "exports_what_loads", "line.safetensors is not in the folder"),
        (with_task(export=lambda self, networks, folder: None), "exports_what_loads", "gives back None"),
        (with_task(preview=lambda self, networks: torch.rand(2, 3, 8, 8)), "shows_a_picture_or_none", "preview_grid"),
        (with_task(losses=left_on_the_cpu), "trains_on_an_accelerator", r"(?s)same device.*batch\.to\(self\.device\)"),
        (
            with_task(__init__=with_a_goal_of_the_cpu, losses=compared),
            "trains_on_an_accelerator",
            "what they are compared with",
        ),
        (never_there(), "is_offered_by_a_distribution", "impasto_trainers"),
    ],
)
def test_a_fault_is_found_and_explained(trainer, check, advice):
    (checked,) = [one for one in testing.SUITES["trainer"].checks if one.__name__ == check]
    with pytest.raises(AssertionError, match=advice):
        checked(trainer)


def test_a_task_that_does_not_know_its_trainer_is_found(monkeypatch):
    monkeypatch.setattr(Unsigned, "task", lambda self, device, seed=0: Fit(self, seed))
    with pytest.raises(AssertionError, match="by which trainer"):
        trainings.refuses_the_checkpoint_of_another_training(Unsigned())


def test_a_checkpoint_that_takes_another_recipe_is_found(monkeypatch):
    trainer = replace(Line(), weight=2.0)
    trainings.trained(trainer)
    monkeypatch.setattr("impasto.training.checkpoint.identity", lambda trainer: {"name": trainer.name})
    monkeypatch.setattr("impasto.training.checkpoint.differences", lambda kept, now: [])
    with pytest.raises(AssertionError, match="goes on from the checkpoint"):
        trainings.refuses_the_checkpoint_of_another_training(trainer)


def test_a_training_that_fails_is_reported_once(capsys):
    faulty = with_task(losses=lambda self, networks, batch, rng: 3)
    with pytest.raises(AssertionError, match="fails 1 of 12 checks"):
        testing.check_trainer(faulty)
    assert capsys.readouterr().out.count("waits for 'trains every network'") == 5


def test_the_advice_fits_why_no_task_is_made():
    class Seedless(Line, name="seedless"):
        """Fit a line to points."""

        def task(self, device):
            return Fit(self, 0)

    class Nothing(Line, name="nothing"):
        """Fit a line to points."""

        def task(self, device, seed=0):
            raise ValueError("coffee.png: is damaged")

    with pytest.raises(AssertionError, match=r"(?s)other arguments.*what to type: def task\(self, device, seed=0\)"):
        trainings.starts_from_its_seed_alone(Seedless())
    with pytest.raises(AssertionError, match=r"(?s)coffee\.png: is damaged.*what the message says") as caught:
        trainings.starts_from_its_seed_alone(Nothing())
    assert "def task" not in str(caught.value)
