"""The recipe: it lowers Gatys' losses, goes on to the bit after a stop, and gives a file that the stage takes."""

import csv

import pytest
import torch
from torchvision.utils import save_image

import impasto
from impasto import ParameterError
from impasto.testing import trains_on_an_accelerator
from impasto.training import train
from impasto_fast import Fast, FastTrainer, load_network

pytest.importorskip("accelerate")
CPU = torch.device("cpu")
SMALL = {"size": 64, "style_size": 64, "width": 4}


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    found = {}
    for kind, pictures in (
        ("images", {name: impasto.samples.content(name, 96) for name in ("astronaut", "cat")}),
        ("styles", {name: impasto.samples.style(name, 96) for name in ("mosaic", "wave")}),
    ):
        folder = tmp_path_factory.mktemp(kind)
        for name, picture in pictures.items():
            save_image(picture, folder / f"{name}.png")
        found[kind] = str(folder)
    save_image(impasto.samples.style("chalk", 96), f"{found['styles']}/chalk v1.2.png")
    return found


def losses(folder):
    with (folder / "losses.csv").open() as file:
        return [{k: v for k, v in row.items() if k != "seconds"} for row in csv.DictReader(file)]


RUN = {"steps": 4, "checkpoint_every": 2, "log_every": 1}


def test_it_goes_on_to_the_bit_and_gives_what_the_stage_takes(folders, tmp_path):
    def task():
        return FastTrainer(**folders, **SMALL).task(CPU)

    (whole,) = train(task(), tmp_path / "whole", **RUN)

    def stop(step, means):
        if step == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(task(), tmp_path / "broken", **RUN, on_log=stop)
    (file,) = train(task(), tmp_path / "broken", **RUN)
    assert losses(tmp_path / "broken") == losses(tmp_path / "whole")
    assert file.read_bytes() == whole.read_bytes()
    assert load_network(file).styles == ("chalk-v1-2", "mosaic", "wave")
    content = impasto.samples.content("cat", 64)
    painted = impasto.Pipeline(Fast(network=str(file), styles=("chalk-v1-2",)))(content, device="cpu")
    assert painted.tensor.shape == content.shape


@pytest.mark.slow
@pytest.mark.parametrize("statistic", ["gram", "wasserstein2"])
def test_it_learns(folders, tmp_path, statistic):
    recipe = FastTrainer(**folders, **SMALL, statistic=statistic, batch=3)
    train(recipe.task(CPU), tmp_path, steps=60, log_every=10)
    found = [float(row["style"]) for row in losses(tmp_path)]
    assert found[-1] < 0.85 * found[0]


def test_it_begins_in_each_styles_colours(folders):
    task = FastTrainer(**folders, **SMALL).task(CPU)
    image = impasto.samples.content("cat", 64)[..., :40, :]
    style = impasto.samples.style("mosaic", 64)
    painted = task.networks["network"](image, torch.tensor([[0.0, 1.0, 0.0]]))
    torch.testing.assert_close(painted.mean((2, 3)), style.mean((2, 3)), atol=0.02, rtol=0)
    torch.testing.assert_close(painted.std((2, 3)), style.std((2, 3)), atol=0.02, rtol=0)


def test_a_folder_without_pictures_is_refused(folders, tmp_path):
    with pytest.raises(ParameterError, match="has no pictures"):
        FastTrainer(images=folders["images"], styles=str(tmp_path)).task(CPU)
    with pytest.raises(ParameterError, match="none is no folder"):
        FastTrainer(images=str(tmp_path / "none"), styles=folders["styles"]).task(CPU)


def test_two_styles_that_would_have_one_name_are_refused(folders, tmp_path):
    for name in ("a b", "a-b"):
        save_image(impasto.samples.style("wave", 64), tmp_path / f"{name}.png")
    with pytest.raises(ParameterError, match=r"a b\.png and a-b\.png would both be the style 'a-b'"):
        FastTrainer(**folders | {"styles": str(tmp_path)}, **SMALL).task(CPU)


def test_it_trains_on_an_accelerator(folders):
    trains_on_an_accelerator(FastTrainer(**folders, **SMALL))


def test_crops_that_the_network_cannot_halve_are_refused(folders):
    with pytest.raises(ParameterError, match="a multiple of 4"):
        FastTrainer(**folders, **SMALL | {"size": 66})
