"""The recipe: it trains, goes on to the bit after a stop, and gives a file that the stage takes."""

import csv
import os
import signal
import subprocess
import sys
import textwrap
import time

import pytest
import torch
from torchvision.utils import save_image

import impasto
from impasto import ParameterError
from impasto.testing import trains_on_an_accelerator
from impasto.training import train
from impasto_cyclegan import (
    ADVERSARIAL,
    CycleGAN,
    CycleGANTrainer,
    ImagePool,
    PatchGAN,
    ProjectedDiscriminator,
    load_generators,
)
from impasto_cyclegan.training import CommonStyle

pytest.importorskip("accelerate")
CPU = torch.device("cpu")
SMALL = {"identity_weight": 0.5, "size": 64, "width": 4, "generator": "resnet-4", "discriminator_width": 8, "pool": 2}


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    found = {}
    for kind, names in (("a", ("astronaut", "cat")), ("b", ("coffee", "camera"))):
        folder = tmp_path_factory.mktemp(kind)
        for name in names:
            save_image(impasto.samples.content(name, 96), folder / f"{name}.png")
        found[kind] = str(folder)
    return found


def recipe(folders, **changes):
    return CycleGANTrainer(**folders, **(SMALL | changes))


def losses(folder):
    with (folder / "losses.csv").open() as file:
        return [{k: v for k, v in row.items() if k != "seconds"} for row in csv.DictReader(file)]


RUN = {"steps": 6, "checkpoint_every": 2, "log_every": 1}


@pytest.fixture(scope="module")
def whole(folders, tmp_path_factory):
    (file,) = train(recipe(folders).task(CPU), tmp_path_factory.mktemp("whole"), **RUN)
    return file


# --------------------------------------------------------------------------------------------------- going on


def test_it_gives_a_pair_that_the_stage_takes(whole):
    assert set(load_generators(whole)) == {"a-to-b", "b-to-a"}
    assert (whole.parent / "preview-000006.png").exists()
    content = impasto.samples.content("cat", 64)
    for direction in ("a-to-b", "b-to-a"):
        painted = impasto.Pipeline(CycleGAN(network=str(whole), direction=direction))(content, device="cpu")
        assert painted.tensor.shape == content.shape


def test_interrupted_and_gone_on_with_the_papers_plan_has_the_same_losses(folders, tmp_path):
    changes = {"discriminator": "patch", "optimiser": "adam", "transposed": True, "adversarial": "lsgan"}
    train(recipe(folders, **changes).task(CPU), tmp_path / "whole", **RUN)

    def stop(step, means):
        if step == 5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(recipe(folders, **changes).task(CPU), tmp_path / "broken", **RUN, on_log=stop)
    assert torch.load(tmp_path / "broken" / "checkpoint.pt", weights_only=True)["step"] == 4
    train(recipe(folders, **changes).task(CPU), tmp_path / "broken", **RUN)
    assert losses(tmp_path / "broken") == losses(tmp_path / "whole")


@pytest.mark.slow
def test_killed_and_gone_on_with_it_gives_the_same_network(folders, tmp_path, whole):
    program = textwrap.dedent(f"""
        import torch
        torch.set_num_threads({torch.get_num_threads()})
        from impasto.training import train
        from impasto_cyclegan import CycleGANTrainer
        train(CycleGANTrainer(**{folders | SMALL!r}).task(torch.device("cpu")), {str(tmp_path / "killed")!r}, **{RUN!r})
    """)
    process = subprocess.Popen([sys.executable, "-c", program])
    checkpoint = tmp_path / "killed" / "checkpoint.pt"
    while not checkpoint.exists():
        assert process.poll() is None, "ended without a checkpoint"
        time.sleep(0.01)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert torch.load(checkpoint, weights_only=True)["step"] in (2, 4, 6)
    (file,) = train(recipe(folders).task(CPU), tmp_path / "killed", **RUN)
    assert losses(tmp_path / "killed") == losses(whole.parent)
    assert file.read_bytes() == whole.read_bytes()


def test_other_losses_and_plans_train(folders, tmp_path):
    for name, changes in {
        "disco": {"adversarial": "vanilla", "distance": "l2", "identity_weight": 0.0},
        "dual": {
            "adversarial": "wasserstein",
            "generator": "unet-128",
            "optimiser": "adam",
            "discriminator": "patch",
            "identity_weight": 0.0,
        },
        "hinge": {"adversarial": "hinge", "pool": 0, "batch": 2},
    }.items():
        task = recipe(folders, **changes).task(CPU)
        (file,) = train(task, tmp_path / name, steps=2, log_every=1, precision="bf16")
        assert ("identity a" in losses(tmp_path / name)[0]) == (name == "hinge")
        assert set(load_generators(file)) == {"a-to-b", "b-to-a"}
        if name == "dual":
            # The last update of Adam comes after the clamp.
            assert max(p.abs().max() for p in task.networks["discriminator-a"].parameters()) < 0.01 + 2e-3


# ----------------------------------------------------------------------------------------------- what it does


def test_generators_begin_by_changing_nothing_and_cost_nothing_for_it(folders):
    task = recipe(folders, adversarial="lsgan").task(CPU)
    rng = torch.Generator().manual_seed(0)
    name, first = next(task.losses(task.networks, task.batch(rng), rng))
    assert name == "generators"
    for domain in ("a", "b"):
        assert first[f"identity {domain}"] < 1e-6
        assert first[f"cycle {domain}"] < 1e-6
        assert first[f"fool {domain}"] > 0.1


def test_a_style_is_that_of_all_its_pictures():
    cat, coffee = (impasto.samples.content(name, 64)[..., :64, :64] for name in ("cat", "coffee"))
    both = CommonStyle(torch.cat([cat, coffee]))
    assert both.distance(torch.cat([cat, coffee], dim=-1)) < 0.1 * both.distance(torch.zeros_like(cat))
    assert both.distance(torch.cat([cat, coffee])) == pytest.approx(
        float(both.distance(cat) + both.distance(coffee)) / 2, rel=1e-4
    )
    assert CommonStyle(cat).distance(coffee) > 10 * CommonStyle(cat).distance(cat)


def test_only_the_painter_of_the_second_domain_learns_a_style(folders):
    def first(**changes):
        task = recipe(folders, **changes).task(CPU)
        rng = torch.Generator().manual_seed(0)
        return task.networks, next(task.losses(task.networks, task.batch(rng), rng))[1]

    assert "style b" not in first()[1]
    networks, losses = first(style_weight=2.0)
    assert float(losses["style b"].detach()) == pytest.approx(2 * float(first(style_weight=1.0)[1]["style b"].detach()))
    losses["style b"].backward()
    trained = {key for key, network in networks.items() if any(p.grad is not None for p in network.parameters())}
    assert trained == {"a-to-b"}


def test_each_side_learns_from_its_own_losses_alone(folders):
    task = recipe(folders).task(CPU)
    rng = torch.Generator().manual_seed(0)
    networks = task.networks
    for name, found in task.losses(networks, task.batch(rng), rng):
        for network in networks.values():
            network.zero_grad(set_to_none=True)
        torch.stack(list(found.values())).sum().backward()
        trained = {key for key, network in networks.items() if any(p.grad is not None for p in network.parameters())}
        assert trained == ({"a-to-b", "b-to-a"} if name == "generators" else {"discriminator-a", "discriminator-b"})


def test_the_losses_are_those_of_the_papers_on_paper():
    real, fake = [torch.tensor([0.5, 1.0])], [torch.tensor([0.5, 0.0])]
    expected = {  # by hand: discriminator, generator
        "lsgan": ((0.125 + 0.125) / 2, (0.25 + 1.0) / 2),
        "vanilla": ((0.474077 + 0.313262 + 0.974077 + 0.693147) / 4, (0.474077 + 0.693147) / 2),
        "hinge": ((0.25 + 1.25) / 2, -0.25),
        "wasserstein": ((-0.75 + 0.25) / 2, -0.25),
    }
    for name, (discriminator, generator) in expected.items():
        assert float(ADVERSARIAL[name].discriminator(real, fake)) == pytest.approx(discriminator, abs=1e-5)
        assert float(ADVERSARIAL[name].generator(fake)) == pytest.approx(generator, abs=1e-5)


def test_the_pool_fills_and_then_exchanges_half():
    pool, rng = ImagePool(50), torch.Generator().manual_seed(0)

    def picture(number):
        return torch.full((1, 3, 2, 2), float(number))

    shown = [int(pool.exchange(picture(number), rng)[0, 0, 0, 0]) for number in range(2050)]
    assert shown[:50] == list(range(50))
    late = list(enumerate(shown))[50:]
    passed = [number for number, seen in late if seen == number]
    assert 0.45 < len(passed) / len(late) < 0.55
    old = [number - seen for number, seen in late if seen != number]
    # A place is exchanged once in 100 pictures.
    assert 80 < sum(old) / len(old) < 120
    assert len({seen for _, seen in late}) == len(late), "once it is full, no picture is shown twice"
    assert len(pool.pictures) == 50


def test_an_empty_pool_shows_what_it_is_given():
    images = torch.rand(3, 3, 4, 4)
    assert torch.equal(ImagePool(0).exchange(images, torch.Generator()), images)


def test_the_papers_discriminator_has_its_size():
    network = PatchGAN()
    assert sum(p.numel() for p in network.parameters()) == 2_764_737
    assert network(torch.rand(1, 3, 256, 256))[0].shape == (1, 1, 30, 30)


def test_a_patch_has_70_pixels():
    # Statistics of the whole picture, in the normalisation, are no part of a patch.
    network = PatchGAN(8)
    kept = without_norm(network)
    image = torch.rand(1, 3, 128, 128, requires_grad=True)
    kept(image)[0, 0, 7, 7].backward()
    rows = image.grad.abs().sum((0, 1, 3)).nonzero().flatten()
    assert int(rows[-1] - rows[0]) + 1 == 70


def without_norm(network):
    return torch.nn.Sequential(*(x for x in network.model if type(x).__name__ != "InstanceNorm"))


def test_a_projected_discriminator_keeps_its_mixing():
    network = ProjectedDiscriminator({"relu2_1": 32}, width=8)
    assert "mixing_relu2_1" in network.state_dict()
    assert all("mixing" not in name for name, _ in network.named_parameters())


# ---------------------------------------------------------------------------------------------- what is refused


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"size": 66}, "a multiple of 4"),
        ({"size": 32}, "64 or more"),
        ({"generator": "unet-128"}, "optimiser='adam'"),
        ({"transposed": True}, "optimiser='adam'"),
        ({"adversarial": "lsgn"}, "'lsgan'"),
    ],
)
def test_what_does_not_go_together_is_refused(folders, changes, what):
    with pytest.raises(ParameterError, match=what):
        recipe(folders, **changes)


def test_folders_without_pictures_are_refused_before_training(folders, tmp_path):
    with pytest.raises(ParameterError, match="has no pictures to train on"):
        recipe(folders | {"a": str(tmp_path)}).task(CPU)
    with pytest.raises(ParameterError, match="is no folder"):
        recipe(folders | {"b": str(tmp_path / "paintings")}).task(CPU)


@pytest.mark.slow
def test_it_trains_on_an_accelerator(folders):
    trains_on_an_accelerator(recipe(folders))
