"""The photorealistic variant: wavelets, what stays in its place, regions, networks refused, and the trainer."""

import hashlib
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from torchvision.utils import save_image

import impasto
from impasto import ParameterError, StageError
from impasto.networks import VGGDecoder, load_decoders
from impasto.testing import parametrize_checks, trains_on_an_accelerator
from impasto.training import train
from impasto.weights import find
from impasto_wct import DECODERS, PHOTO_DECODER, WCT, WCTPhoto, WCTPhotoDecoder
from impasto_wct.photo_training import fit_photo_decoder
from impasto_wct.wavelets import LAYER, features_and_details, haar

CPU = torch.device("cpu")


@parametrize_checks(WCTPhoto(), WCTPhoto(alpha=0.6, levels=(1, 3), transform="transport"))
def test_wct_photo(stage, check):
    check(stage)


@pytest.fixture
def photograph():
    return impasto.samples.content("coffee", 192)


@pytest.fixture
def style():
    return impasto.samples.content("rocket", 160)


def paint(stage, *given, **more):
    return impasto.Pipeline(stage)(*given, device="cpu", precision="float32", **more).tensor


def psnr(one, other):
    return -10 * (one - other).square().mean().log10().item()


# ---------------------------------------------------------------------------------------------------- wavelets


def test_details_are_haars_three_bands():
    x = torch.randn(2, 3, 6, 8, generator=torch.Generator().manual_seed(0))
    low, high = torch.tensor([1.0, 1.0]) / 2**0.5, torch.tensor([1.0, -1.0]) / 2**0.5
    coarse, detail = haar(x)

    def band(rows, columns):
        kernel = torch.outer(rows, columns).expand(3, 1, 2, 2)
        return F.conv2d(x, kernel, stride=2, groups=3), kernel

    torch.testing.assert_close(coarse, band(low, low)[0] / 2)
    pairs = [band(low, high), band(high, low), band(high, high)]
    whole = sum(F.conv_transpose2d(values, kernel, stride=2, groups=3) for values, kernel in pairs)
    torch.testing.assert_close(detail, whole)


def test_the_analysis_is_the_encoders_but_for_pooling(photograph):
    encoder = impasto.encoder("slim19", pooling="average")
    found = features_and_details(encoder, photograph[..., :120, :])
    torch.testing.assert_close(found[LAYER], encoder.features(photograph[..., :120, :], [LAYER])[LAYER])


# ------------------------------------------------------------------------------------------ what stays in its place


def test_alpha_0_changes_nothing(photograph, style):
    assert psnr(paint(WCTPhoto(alpha=0), photograph, style), photograph) > 90


def test_a_photograph_in_its_own_style_stays_itself(photograph):
    assert psnr(paint(WCTPhoto(), photograph, photograph), photograph) > 45


def gradients(picture):
    grey = picture.mean(1)[0]
    return grey.diff(dim=1)[1:], grey.diff(dim=0)[:, 1:]


def test_a_straight_line_stays_where_it_is_and_sharp(style):
    y, x = torch.meshgrid(torch.arange(128.0), torch.arange(128.0), indexing="ij")
    grain = 0.02 * torch.randn(128, 128, generator=torch.Generator().manual_seed(1))
    content = (0.25 + 0.5 * (x - 64 - (y - 64) / 4).clamp(0, 1) + grain).expand(1, 3, 128, 128)
    found = paint(WCTPhoto(), content, style)
    there, here = (gradients(one)[0].abs().argmax(1) for one in (content, found))
    assert (there - here).abs().max() <= 1


def test_edges_are_those_of_the_photograph_and_no_others(photograph, style):
    def strength(picture):
        across, down = gradients(picture)
        return (across.square() + down.square()).sqrt().flatten()

    def likeness(stage):
        return torch.corrcoef(torch.stack([strength(photograph), strength(paint(stage, photograph, style))]))[0, 1]

    assert likeness(WCTPhoto()) > 0.9
    assert likeness(WCT()) < 0.6  # a painting's are others


def test_faint_grain_does_not_become_coloured(style):
    grain = 0.004 * torch.randn(1, 3, 96, 96, generator=torch.Generator().manual_seed(1))
    ramp = torch.linspace(0.3, 0.7, 96).expand(1, 3, 96, 96)
    tamed, plain = (paint(WCTPhoto(identity=identity), ramp + grain, style) for identity in ("both", "none"))

    def colour(picture):
        return (picture - picture.mean(1, keepdim=True)).diff(dim=-1).std()

    assert colour(tamed) < 0.7 * colour(plain)


def test_colours_come_from_the_style(photograph, style):
    def moments(picture):
        flat = picture.flatten(2)[0]
        return torch.cat([flat.mean(1), flat.std(1)])

    away = [(moments(one) - moments(style)).norm() for one in (paint(WCTPhoto(), photograph, style), photograph)]
    assert away[0] < 0.4 * away[1]


def test_levels_are_a_set(photograph, style):
    torch.testing.assert_close(
        paint(WCTPhoto(levels=(4, 1)), photograph, style), paint(WCTPhoto(levels=(1, 4)), photograph, style)
    )
    one, all_four = (paint(WCTPhoto(levels=levels), photograph, style) for levels in ((4,), (1, 2, 3, 4)))
    assert (one - all_four).abs().mean() > 0.02


# ---------------------------------------------------------------------------------------------- styles and regions


def test_weights_are_proportions(photograph, style):
    other = impasto.samples.content("cat", 128)

    def mixed(a, b):
        return paint(WCTPhoto(), photograph, [impasto.Style(style, weight=a), impasto.Style(other, weight=b)])

    torch.testing.assert_close(mixed(1, 3), mixed(0.25, 0.75), atol=1e-4, rtol=0)
    torch.testing.assert_close(mixed(1, 0), paint(WCTPhoto(), photograph, style), atol=1e-4, rtol=0)


def halves(picture):
    left = torch.zeros(1, 1, *picture.shape[-2:])
    left[..., : picture.shape[-1] // 2] = 1
    return torch.cat([left, 1 - left], dim=1)


def test_each_region_takes_the_light_of_its_pair(photograph):
    # A style whose halves are red and blue, with something of texture.
    red, blue = torch.tensor([0.8, 0.2, 0.1]), torch.tensor([0.1, 0.2, 0.8])
    grain = 0.1 * torch.rand(1, 1, 96, 128, generator=torch.Generator().manual_seed(0))
    colours = torch.cat([one[None, :, None, None].expand(1, 3, 96, 64) for one in (red, blue)], dim=-1)
    style = (colours + grain).clamp(0, 1)
    canvas = impasto.Canvas(
        photograph, photograph, (impasto.Style(style, guides=halves(style)),), guides=halves(photograph)
    )
    found = WCTPhoto().apply(canvas).image
    quarter = photograph.shape[-1] // 4
    left, right = found[..., :quarter].mean((0, 2, 3)), found[..., -quarter:].mean((0, 2, 3))
    assert left[0] - left[2] > 0.4
    assert right[2] - right[0] > 0.4


def test_outside_the_mask_no_bit_changes(photograph, style):
    mask = torch.zeros(1, *photograph.shape[-2:])
    mask[:, 20:90, 30:120] = 1
    found = paint(WCTPhoto(), photograph, style, mask=mask)
    assert torch.equal(found[..., :20, :], photograph[..., :20, :])
    assert (found - photograph)[..., 20:90, 30:120].abs().mean() > 0.02


# -------------------------------------------------------------------------------------------------- the pipeline


def test_the_pipeline_that_comes_with_it_loads_and_paints(photograph, style):
    text = (Path(__file__).parents[1] / "photo.toml").read_text()
    if "photo-smooth" not in impasto.get_host().postprocessors:
        pytest.skip("impasto-smooth is not installed")
    pipeline = impasto.Pipeline.from_toml(text)
    assert [stage.name for stage in pipeline.stages] == ["wct-photo", "photo-smooth"]
    found = pipeline(photograph, style, device="cpu").tensor
    assert found.shape == photograph.shape
    assert (found - photograph).abs().mean() > 0.05


# ---------------------------------------------------------------------------------------------------- networks


def test_the_record_is_that_of_the_file():
    data = find(PHOTO_DECODER).read_bytes()
    assert (hashlib.sha256(data).hexdigest(), len(data)) == (PHOTO_DECODER.sha256, PHOTO_DECODER.size)
    assert len(data) < 1_500_000


def test_the_decoder_undoes_the_analysis(photograph):
    picture = photograph[..., :120, :]
    found = load_decoders(find(PHOTO_DECODER))[LAYER](features_and_details(impasto.encoder("slim19"), picture))
    assert psnr(found.clamp(0, 1), picture) > 24


def test_decoders_without_a_place_for_details_are_refused(photograph, style):
    with pytest.raises(StageError, match="no place for details"):
        paint(WCTPhoto(decoder=str(find(DECODERS))), photograph, style)


def test_decoders_for_another_encoder_are_refused(tmp_path, photograph, style):
    file = str(tmp_path / "decoder.safetensors")
    save_file(VGGDecoder((4, 8, 16, 16), LAYER, {"relu3_1": 16, "relu2_1": 8, "relu1_1": 4}).state_dict(), file)
    with pytest.raises(StageError, match="takes 16 channels of relu4_1 and the encoder slim19 gives 128"):
        paint(WCTPhoto(decoder=file), photograph, style)


def test_a_changed_file_is_refused(tmp_path, monkeypatch, photograph, style):
    data = bytearray(find(PHOTO_DECODER).read_bytes())
    data[-1] ^= 1
    (tmp_path / PHOTO_DECODER.name).write_bytes(data)
    monkeypatch.setenv("IMPASTO_WEIGHTS", str(tmp_path))
    with pytest.raises(StageError, match="is not the wct-photo-slim19"):
        paint(WCTPhoto(), photograph, style)


def test_what_does_not_go_together_is_refused():
    with pytest.raises(ParameterError, match="needs a decoder that was trained for it"):
        WCTPhoto(encoder="vgg19")
    with pytest.raises(ParameterError, match="levels = \\(\\) changes nothing"):
        WCTPhoto(levels=())
    with pytest.raises(ParameterError, match="1 to 4"):
        WCTPhoto(levels=(5,))


# -------------------------------------------------------------------------------------------------- the trainer


@pytest.fixture
def trainer(tmp_path):
    pytest.importorskip("accelerate")
    for name in ("astronaut", "cat", "coffee"):
        save_image(impasto.samples.content(name, 128), tmp_path / f"{name}.png")
    return WCTPhotoDecoder(images=str(tmp_path), size=64, batch=2)


def test_least_squares_begin_well():
    encoder = impasto.encoder("slim19")
    crops = torch.cat([impasto.samples.content("astronaut", 256)[..., y : y + 96, :192] for y in (0, 80, 160)])
    found = features_and_details(encoder, crops)
    error = (fit_photo_decoder(encoder, crops)(found) - crops).square().mean()
    assert error < 0.2 * crops.var()


@pytest.mark.slow
def test_it_learns_and_gives_what_the_stage_takes(trainer, tmp_path, photograph, style):
    task = trainer.task(CPU)

    @torch.no_grad()
    def losses():
        ((_, found),) = task.losses(task.networks, task.shown, torch.Generator())
        return {name: value.item() for name, value in found.items()}

    before = losses()
    (file,) = train(task, tmp_path / "run", steps=20, log_every=10, checkpoint_every=10)
    after = losses()
    for name in ("pixels", "features", "transformed"):
        assert after[name] < before[name], name
    assert (tmp_path / "run" / "preview-000010.png").exists()
    assert file.stat().st_size < 500_000
    found = paint(WCTPhoto(decoder=str(file)), photograph, style)
    assert (found - photograph).abs().mean() > 0.02
    again = WCTPhotoDecoder(images=trainer.images, start=str(file), size=64, batch=2).task(CPU)
    stored = load_decoders(file)[LAYER].state_dict()
    assert all(torch.equal(x, stored[key]) for key, x in again.networks[LAYER].state_dict().items())


@pytest.mark.parametrize(
    ("decoder", "says"),
    [
        (VGGDecoder((16, 32, 64), "relu3_1"), "wct-photo-decoder: .* holds no decoder for relu4_1 to start from"),
        (VGGDecoder((16, 32, 64, 96), "relu4_1"), "takes 96 channels of relu4_1 and the encoder slim19 gives 128"),
        (VGGDecoder((16, 32, 64, 128), "relu4_1"), "wct-photo-decoder: .* takes the details of every block"),
    ],
)
def test_decoders_that_it_cannot_go_on_from_are_refused(trainer, tmp_path, decoder, says):
    torch.save(decoder.state_dict(), tmp_path / "start.pth")
    with pytest.raises((impasto.ParameterError, impasto.StageError), match=says):
        WCTPhotoDecoder(images=trainer.images, start=str(tmp_path / "start.pth"), size=64, batch=2).task(CPU)


def test_crops_that_wavelets_cannot_halve_are_refused(trainer):
    with pytest.raises(impasto.ParameterError, match="a multiple of 8"):
        WCTPhotoDecoder(images=trainer.images, size=68)


@pytest.mark.slow
def test_it_trains_on_an_accelerator(trainer):
    trains_on_an_accelerator(trainer)
