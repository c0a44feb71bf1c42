"""The training of the shipped encoders: its losses are what they say, and it starts from the teacher."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from PIL import Image

from impasto.errors import ParameterError
from impasto.networks import FIRST_LAYERS, VGG, Distillation, Slim19, distillation, encoder, load_vgg
from impasto.networks.student import Memory, Student, TeacherFeatures
from impasto.networks.thin_starts import FeatureMoments, initial_student, widened
from impasto.testing import trains_on_an_accelerator
from impasto.training import train
from impasto.weights import load


@pytest.fixture(scope="module")
def teacher():
    torch.manual_seed(0)
    network = VGG((16, 32, 64, 128, 128), "5_1").eval().requires_grad_(False)
    for name, parameter in network.named_parameters():
        if name.endswith("weight"):  # keeps the signal's size through thirteen layers
            torch.nn.init.kaiming_normal_(parameter, nonlinearity="relu")
            # Filters that ignore the mean, as trained ones nearly do: otherwise all pictures look alike.
            parameter -= parameter.mean((1, 2, 3), keepdim=True)
    return network


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("pictures")
    rng = torch.Generator().manual_seed(0)
    for index in range(4):
        small = torch.rand(1, 3, 12, 16, generator=rng)
        pixels = F.interpolate(small, (120, 160), mode="bicubic").clamp(0, 1)[0]
        Image.fromarray((pixels * 255).byte().permute(1, 2, 0).numpy()).save(path / f"picture_{index}.png")
    return path


def test_errors_and_gram_matrices_from_thin_moments_equal_the_wide_ones(teacher):
    torch.manual_seed(1)
    thin = VGG((4, 4, 4, 4, 4), "5_1")
    widths = dict(zip(FIRST_LAYERS, teacher.widths, strict=True))
    moments = {layer: FeatureMoments(torch.eye(4), torch.randn(widths[layer], 4)) for layer in FIRST_LAYERS}
    student = Student(thin, moments).eval()
    image = torch.rand(2, 3, 48, 48)
    features = {layer: TeacherFeatures.of(features) for layer, features in teacher(image, FIRST_LAYERS).items()}
    errors, grams = student(image, features)
    for layer, features in thin(image, FIRST_LAYERS).items():
        wide = F.conv2d(features, student.head(layer)[:, :, None, None])
        truth = teacher(image, [layer])[layer]
        flat = wide.flatten(2)
        assert torch.allclose(grams[layer], flat @ flat.mT / flat.shape[-1], rtol=1e-3, atol=1e-4)
        spread = (truth - truth.mean((2, 3), keepdim=True)).square().sum()
        direct = (wide - truth).square().sum() / spread
        assert errors[layer].item() == pytest.approx(direct.item(), rel=1e-3)


def test_a_network_as_wide_as_its_teacher_starts_as_its_teacher(teacher):
    images = torch.rand(2, 3, 64, 64, generator=torch.Generator().manual_seed(2))
    student = initial_student(teacher, teacher.widths, images)
    truth, guess = teacher(images, ["relu3_1"])["relu3_1"], student(images, ["relu3_1"])["relu3_1"]
    best = torch.linalg.lstsq(guess.transpose(0, 1).flatten(1).mT, truth.transpose(0, 1).flatten(1).mT).solution
    error = guess.transpose(0, 1).flatten(1).mT @ best - truth.transpose(0, 1).flatten(1).mT
    assert (error.square().mean() / truth.var()).item() < 0.01


@pytest.mark.slow
def test_training_lowers_the_losses_resumes_its_pictures_and_ships_half_floats(teacher, folder, tmp_path, monkeypatch):
    monkeypatch.setattr(distillation, "WIDTHS", {"slim19": (4, 8, 8, 8, 8)})
    # From random filters, so that thirty steps can show a fall; the usual start is near its best already.
    monkeypatch.setattr(distillation, "initial_student", lambda teacher, widths, sample: VGG(widths, "5_1"))
    torch.manual_seed(3)
    given = {"networks": ("slim19",), "size": 96, "natural": 2, "painted": 1, "learning_rate": 1e-2}
    trainer = Slim19(images=str(folder), styles=str(folder), **given)

    def task():
        return Distillation(trainer, teacher, torch.device("cpu"))

    fresh = task()
    pool = fresh.pools["slim19"][0]["image"].clone()
    seen = {}

    def note(step, losses):
        seen[step] = losses

    train(fresh, tmp_path, steps=4, log_every=1, checkpoint_every=2, on_log=note)
    assert not torch.equal(pool, fresh.pools["slim19"][0]["image"])  # the pictures are being painted

    (path,) = train(task(), tmp_path, steps=30, log_every=1, on_log=note)
    assert sorted(seen) == list(range(1, 31))
    early = sum(seen[step]["slim19 natural"] for step in range(1, 6))
    late = sum(seen[step]["slim19 natural"] for step in range(26, 31))
    assert late < early

    from safetensors.torch import load_file

    shipped = load_file(path)
    assert {value.dtype for value in shipped.values()} == {torch.float16}
    metric = shipped["metric3_1"].float()
    assert torch.allclose(metric, metric.mT, atol=1e-2)


WIDE = {"1_1": 4, "1_2": 4, "2_1": 8, "2_2": 12, "3_1": 12}


def test_a_widened_network_is_the_narrow_one_in_its_first_channels():
    torch.manual_seed(4)
    narrow, image = VGG((4, 8, 8), "3_1"), torch.rand(1, 3, 32, 48)
    wide = widened(narrow, WIDE)
    layers = ["relu1_2", "relu2_2", "relu3_1"]
    for layer, features in narrow(image, layers).items():
        found = wide(image, [layer])[layer]
        assert found.shape[1] == WIDE[layer[4:]]
        torch.testing.assert_close(found[:, : features.shape[1]], features)
    with pytest.raises(ParameterError, match="conv2_2 has 12 channels to start from, more than the 6"):
        widened(wide, {**WIDE, "2_2": 6})


def test_frozen_convolutions_and_their_metrics_ship_to_the_bit_and_the_deeper_ones_learn(
    teacher, folder, tmp_path, monkeypatch
):
    torch.manual_seed(5)
    narrow = VGG((4, 8, 8, 8, 8), "5_1")
    tensors = {key: x for key, x in narrow.state_dict().items() if key not in ("mean", "std")}
    tensors |= {f"metric{block}_1": torch.eye(4 if block == 1 else 8) for block in range(1, 6)}
    (tmp_path / "start").mkdir()
    first = distillation.save_half(tmp_path / "start" / "slim19.safetensors", tensors)
    plan = {name: len(narrow.get_parameter(f"conv{name}.weight")) for name in narrow.convolutions}
    monkeypatch.setattr(distillation, "WIDTHS", {"slim19": plan | {"4_1": 12, "5_1": 16}})
    trainer = Slim19(
        images=str(folder),
        styles=str(folder),
        start=str(tmp_path / "start"),
        frozen="3_1",
        optimiser="soap",
        networks=("slim19",),
        size=96,
        natural=3,
        repeats=3,
        painted=1,
    )

    def task():
        made = Distillation(trainer, teacher, torch.device("cpu"))
        made.made_by = trainer
        return made

    train(task(), tmp_path, steps=2, log_every=1, checkpoint_every=1)
    (path,) = train(task(), tmp_path, steps=4, log_every=1, checkpoint_every=1)
    before, after = load(first), load(path)
    for key, x in before.items():
        if key[4 if key.startswith("conv") else 6 :][:3] <= "3_1":
            assert torch.equal(after[key], x), key
    assert not torch.equal(after["conv3_2.weight"], before["conv3_2.weight"])
    shipped = load_vgg(path)
    assert shipped.channels == plan | {"4_1": 12, "5_1": 16}
    assert shipped.get_buffer("metric5_1").shape == (16, 16)


def test_what_is_remembered_is_shown_again_and_the_oldest_forgotten():
    memory, rng = Memory(4), torch.Generator().manual_seed(0)
    for number in range(6):
        memory.add(torch.full((1, 3, 2, 2), float(number)), {"relu4_1": torch.full((1, 5, 1, 1), float(number))})
    crops, features = memory.draw(3, rng)
    assert crops.shape == (3, 3, 2, 2)
    assert torch.equal(crops[:, 0, 0, 0], features["relu4_1"][:, 0, 0, 0])
    assert sorted(memory.draw(9, rng)[0][:, 0, 0, 0].tolist()) == [2, 3, 4, 5]


def test_the_trainer_says_what_it_needs():
    with pytest.raises(ParameterError, match="slim19 needs 'images': folder"):
        Slim19(styles="paintings")
    with pytest.raises(ParameterError, match="networks"):
        Slim19(images="a", styles="b", networks=("slim20",))
    with pytest.raises(ParameterError, match="frozen = '3_1' needs networks whose numbers are kept"):
        Slim19(images="a", styles="b", frozen="3_1")


def test_it_trains_on_an_accelerator_and_leaves_its_teacher_alone(folder, monkeypatch):
    monkeypatch.setattr(distillation, "WIDTHS", {"slim19": (4, 8, 8, 8, 8)})
    trainer = Slim19(images=str(folder), styles=str(folder), teacher="slim19", networks=("slim19",), size=96, natural=2)
    before = {key: value.clone() for key, value in encoder("slim19").network.state_dict().items()}
    trains_on_an_accelerator(trainer)
    for key, value in encoder("slim19").network.state_dict().items():
        assert value.dtype == before[key].dtype
        assert torch.equal(value, before[key])
