"""The trainer: it trains, goes on to the bit after a stop, and gives a file that the stage takes."""

import pytest
import torch
from torchvision.utils import save_image

import impasto
from impasto.networks import VGGDecoder, load_decoders
from impasto.testing import trains_on_an_accelerator
from impasto.training import train
from impasto_adain import AdaIN, AdaINDecoder

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
    return AdaINDecoder(**folders, **({"size": 64, "batch": 1, "loss_network": "slim19"} | changes))


def test_it_goes_on_and_gives_what_the_stage_takes(folders, tmp_path):
    whole = train(trainer(folders).task(CPU), tmp_path / "whole", steps=2, checkpoint_every=1, log_every=1)
    saved = torch.load(tmp_path / "whole" / "checkpoint.pt", weights_only=True)
    assert saved["step"] == 2
    (file,) = train(trainer(folders).task(CPU), tmp_path / "whole", steps=3, checkpoint_every=1, log_every=1)
    assert whole == [file]
    assert (tmp_path / "whole" / "preview-000003.png").exists()
    decoder = load_decoders(file)["relu4_1"]
    assert decoder.layers == ("relu4_1", "relu3_1")
    content = impasto.samples.content("cat", 64)
    painted = impasto.Pipeline(AdaIN(decoder=str(file)))(content, content, device="cpu")
    assert painted.tensor.shape == content.shape


def test_without_skips_it_is_the_papers(folders):
    task = trainer(folders, skips=()).task(CPU)
    assert task.networks["decoder"].layers == ("relu4_1",)


def test_it_begins_with_the_decoder_it_is_given(folders, tmp_path):
    given = VGGDecoder((16, 32, 64, 128), "relu4_1")
    torch.save(given.state_dict(), tmp_path / "decoder.pth")
    found = trainer(folders, start=str(tmp_path / "decoder.pth")).task(CPU).networks["decoder"].state_dict()
    for key, value in given.state_dict().items():
        assert torch.equal(found[key], value)
    assert not found["skip3_1.weight"].any()


def test_a_decoder_that_cannot_be_begun_with_is_refused(folders, tmp_path):
    file = tmp_path / "decoder.pth"
    torch.save(VGGDecoder((16, 32, 64), "relu3_1").state_dict(), file)
    with pytest.raises(impasto.ParameterError, match="holds no decoder for relu4_1 to start from"):
        trainer(folders, start=str(file)).task(CPU)
    torch.save(VGGDecoder((16, 32, 64, 96), "relu4_1").state_dict(), file)
    with pytest.raises(impasto.StageError, match="takes 96 channels of relu4_1 and the encoder slim19 gives 128"):
        trainer(folders, start=str(file)).task(CPU)


def test_it_begins_with_as_many_channels_as_are_asked_for(folders, tmp_path):
    found = trainer(folders, widths=(8, 16, 16)).task(CPU).networks["decoder"]
    assert (found.widths, found.channels) == ((8, 16, 16, 128), {"relu4_1": 128, "relu3_1": 64})
    torch.save(found.state_dict(), tmp_path / "thin.pth")
    again = trainer(folders, start=str(tmp_path / "thin.pth")).task(CPU).networks["decoder"].state_dict()
    for key, value in found.state_dict().items():
        assert torch.equal(again[key], value)


def test_the_loss_of_style_is_0_for_a_painting_that_has_the_styles_moments(folders):
    task = trainer(folders, identity_weight=0.0).task(CPU)
    batch = task.batch(torch.Generator().manual_seed(0))

    class Copies(torch.nn.Module):
        def forward(self, wanted):
            return batch[[1, 0]]  # the style itself; and for the picture that should stay, the content

    _, losses = next(task.losses({"decoder": Copies()}, batch, torch.Generator()))
    assert losses["style"] < 1e-5 < losses["content"]


def test_crops_that_the_encoder_cannot_halve_are_refused(folders):
    with pytest.raises(impasto.ParameterError, match="a multiple of 8"):
        trainer(folders, size=68)


@pytest.mark.slow
def test_it_trains_on_an_accelerator(folders):
    trains_on_an_accelerator(trainer(folders))
