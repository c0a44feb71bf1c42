"""The training: it learns, goes on to the bit after a stop, and gives a file that the stage takes."""

import csv

import pytest
import torch
from torchvision.utils import save_image

import impasto
from impasto import ParameterError
from impasto.testing import trains_on_an_accelerator
from impasto.training import train
from impasto_local import Local, LocalTrainer
from impasto_local.training import content_loss, seam_loss, smoothness_loss

pytest.importorskip("accelerate")
CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    found = {}
    for kind, pictures in (
        ("images", {name: impasto.samples.content(name, 128) for name in ("astronaut", "cat", "coffee")}),
        ("styles", {name: impasto.samples.style(name, 128) for name in ("mosaic", "wave")}),
    ):
        folder = tmp_path_factory.mktemp(kind)
        for name, picture in pictures.items():
            save_image(picture, folder / f"{name}.png")
        found[kind] = str(folder)
    return found


def recipe(folders, **changes):
    return LocalTrainer(**folders, **({"size": 64, "style_size": 96, "batch": 1} | changes))


def losses(folder):
    with (folder / "losses.csv").open() as file:
        return [{k: v for k, v in row.items() if k != "seconds"} for row in csv.DictReader(file)]


@pytest.mark.slow
def test_it_learns_and_gives_what_the_stage_takes(folders, tmp_path):
    task = recipe(folders, batch=2, learning_rate=1e-2).task(CPU)
    batch = task.batch(torch.Generator().manual_seed(9), 8)

    def loss():
        with torch.no_grad():
            _, found = next(task.losses(task.networks, batch, torch.Generator().manual_seed(0)))
        return float(torch.stack(list(found.values())).sum())

    before = loss()
    (file,) = train(task, tmp_path, steps=50, average=0.9)
    assert loss() < 0.95 * before
    assert (tmp_path / "preview-000050.png").exists()
    content = impasto.samples.content("cat", 64)
    painted = impasto.Pipeline(Local(network=str(file)))(content, impasto.samples.style("wave", 64), device="cpu")
    assert painted.tensor.shape == content.shape


def test_interrupted_and_gone_on_with_it_has_the_same_losses(folders, tmp_path):
    run = {"steps": 6, "checkpoint_every": 2, "log_every": 1}
    (whole,) = train(recipe(folders).task(CPU), tmp_path / "whole", **run)

    def stop(step, means):
        if step == 5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(recipe(folders).task(CPU), tmp_path / "broken", **run, on_log=stop)
    assert torch.load(tmp_path / "broken" / "checkpoint.pt", weights_only=True)["step"] == 4
    (file,) = train(recipe(folders).task(CPU), tmp_path / "broken", **run)
    assert losses(tmp_path / "broken") == losses(tmp_path / "whole")
    assert file.read_bytes() == whole.read_bytes()


def test_a_network_that_lays_on_nothing_costs_its_style_alone(folders):
    task = recipe(folders, smoothness=0.0).task(CPU)
    rng = torch.Generator().manual_seed(0)
    _, found = next(task.losses(task.networks, task.batch(rng), rng))
    assert found["style"] > 0.1
    assert all(found[name] < 1e-6 for name in ("content", "seam", "smoothness"))


# ------------------------------------------------------------------------------------------------------ losses


@pytest.fixture
def left():
    """A hard mask (1, 1, 8, 8) of the left half."""
    return (torch.arange(8) < 4).float().expand(1, 1, 8, 8).clone()


def test_content_looks_inside_alone(left):
    rng = torch.Generator().manual_seed(0)
    one = torch.rand(1, 5, 8, 8, generator=rng)
    other = torch.where(left > 0, one, torch.rand(1, 5, 8, 8, generator=rng))
    assert content_loss(one, other, left) == 0
    assert content_loss(one, other, 1 - left) > 0.01


def test_losses_by_hand(left):
    change = 0.5 * left.expand(1, 3, 8, 8)
    # All of the mask's steps have the change's step of 0.5; the mask has none from row to row.
    assert float(seam_loss(change, left)) == pytest.approx(0.25 / 2)
    assert float(smoothness_loss(change, left)) == pytest.approx(0.0, abs=1e-6)
    assert float(smoothness_loss(change, 1 - left)) == pytest.approx(0.25 / 4)
    assert float(content_loss(2 * change, change, left)) == pytest.approx(1)


def test_features_take_the_mask_at_their_size(left):
    features = torch.zeros(1, 2, 4, 4)
    features[..., 2:] = 1
    assert content_loss(features + 1, features, left) > 1e3  # the wanted ones have no power inside
    assert float(content_loss(features + 1, features, 1 - left)) == pytest.approx(1)


# --------------------------------------------------------------------------------------------- what is refused


def test_folders_without_pictures_are_refused_before_training(folders, tmp_path):
    with pytest.raises(ParameterError, match="has no pictures to train on"):
        recipe(folders | {"styles": str(tmp_path)}).task(CPU)
    with pytest.raises(ParameterError, match="is no folder"):
        recipe(folders | {"images": str(tmp_path / "photographs")}).task(CPU)


def test_a_size_that_does_not_halve_is_refused(folders):
    with pytest.raises(ParameterError, match="a multiple of 16"):
        recipe(folders, size=100)


@pytest.mark.slow
def test_it_trains_on_an_accelerator(folders):
    trains_on_an_accelerator(recipe(folders))
