"""The trainer: it trains, goes on to the bit after a stop, and gives a file that the stage takes."""

import pytest
import torch
from torchvision.utils import save_image

import impasto
from impasto.networks import VGGDecoder, load_decoders
from impasto.testing import trains_on_an_accelerator
from impasto.training import train
from impasto_wct import WCT, WCTDecoders

pytest.importorskip("accelerate")
CPU = torch.device("cpu")


@pytest.fixture
def folders(tmp_path):
    for kind, pictures in (
        ("images", [impasto.samples.content(name, 128) for name in ("astronaut", "cat", "coffee")]),
        ("styles", [impasto.samples.style(name, 128) for name in ("mosaic", "wave", "chalk")]),
    ):
        (tmp_path / kind).mkdir()
        for index, picture in enumerate(pictures):
            save_image(picture, tmp_path / kind / f"{kind}-{index}.png")
    return {"images": str(tmp_path / "images"), "styles": str(tmp_path / "styles")}


def trainer(folders, **changes):
    return WCTDecoders(**folders, **({"levels": (1, 2), "size": 64, "batch": 2} | changes))


def run(made, folder, steps):
    (file,) = train(made.task(CPU), folder, steps=steps, checkpoint_every=2, log_every=1)
    return load_decoders(file)


@pytest.mark.slow
def test_it_goes_on_to_the_bit_and_gives_what_the_stage_takes(folders, tmp_path):
    whole = run(trainer(folders), tmp_path / "whole", 4)
    with pytest.MonkeyPatch.context() as patch:
        # A kill after step 2, of a run of 4: its learning rates are those of 4.
        patch.setattr("impasto.training.loop.write_atomically", stop_after_two(tmp_path / "parts"))
        with pytest.raises(KeyboardInterrupt):
            run(trainer(folders), tmp_path / "parts", 4)
    parts = run(trainer(folders), tmp_path / "parts", 4)
    assert list(parts) == ["relu1_1", "relu2_1"]
    for layer, decoder in whole.items():
        for key, value in decoder.state_dict().items():
            assert torch.equal(value, parts[layer].state_dict()[key]), (layer, key)
    assert (tmp_path / "parts" / "preview-000002.png").exists()
    stage = WCT(levels=(2, 1), decoders=str(tmp_path / "parts" / "decoders.safetensors"))
    content = impasto.samples.content("cat", 64)
    assert impasto.Pipeline(stage)(content, content, device="cpu").tensor.shape == content.shape


def stop_after_two(folder):
    from impasto.files import write_atomically

    def write(path, put):
        if path.parent == folder and path.name == "losses.csv" and (folder / "preview-000002.png").exists():
            raise KeyboardInterrupt
        return write_atomically(path, put)

    return write


def test_levels_it_starts_from_are_kept_and_lend_their_tail(folders, tmp_path):
    first = run(trainer(folders, levels=(2,)), tmp_path / "first", 1)
    start = str(tmp_path / "first" / "decoders.safetensors")
    task = trainer(folders, levels=(3,), start=start).task(CPU)
    for key, value in first["relu2_1"].state_dict().items():
        assert torch.equal(task.networks["relu3_1"].state_dict()[key], value)
    assert list(load_decoders(task.export(task.networks, tmp_path)[0])) == ["relu2_1", "relu3_1"]


@pytest.mark.slow
def test_it_learns(folders, tmp_path):
    task = trainer(folders, levels=(2,)).task(CPU)

    @torch.no_grad()
    def losses():
        found = {}
        for _, one in task.losses(task.networks, task.shown, torch.Generator().manual_seed(0)):
            found |= {name: value.item() for name, value in one.items()}
        return found

    before = losses()
    train(task, tmp_path, steps=30, log_every=10, checkpoint_every=30)
    after = losses()
    for loss in ("relu2_1 features", "relu2_1 style"):
        assert after[loss] < before[loss], loss


@pytest.mark.slow
def test_without_a_weight_of_style_the_loss_network_has_no_say(folders):
    task = trainer(folders, levels=(2,), style_weight=0).task(CPU)
    ((_, found),) = task.losses(task.networks, task.shown, torch.Generator())
    assert found["relu2_1 features"] > 0
    assert found["relu2_1 style"] == found["relu2_1 content"] == 0


@pytest.mark.parametrize(
    ("decoder", "says"),
    [
        (VGGDecoder((8, 24), "relu2_1"), "takes 24 channels of relu2_1 and the encoder slim19 gives 32"),
        (VGGDecoder((16, 32), "relu2_1", {"relu1_1": 16}), "wct-decoders: .* takes relu2_1, relu1_1"),
    ],
)
def test_decoders_that_it_cannot_go_on_from_are_refused(folders, tmp_path, decoder, says):
    torch.save(decoder.state_dict(), tmp_path / "start.pth")
    with pytest.raises((impasto.ParameterError, impasto.StageError), match=says):
        trainer(folders, start=str(tmp_path / "start.pth")).task(CPU)


def test_crops_that_the_encoder_cannot_halve_are_refused(folders):
    with pytest.raises(impasto.ParameterError, match="a multiple of 16"):
        trainer(folders, size=72)


@pytest.mark.slow
def test_it_trains_on_an_accelerator(folders):
    trains_on_an_accelerator(trainer(folders))
