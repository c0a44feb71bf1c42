import doctest

import numpy as np
import pytest
import torch
from PIL import Image

import impasto
import impasto_resize
from impasto import Canvas, Pipeline, Style
from impasto.stage import composite
from impasto.testing import parametrize_checks
from impasto_resize import Pad, Resize, RestoreSize, UpscaleGuided, resample, upsample_guided

restoring = pytest.mark.parametrize("restore", [RestoreSize(), UpscaleGuided()], ids=repr)


@parametrize_checks(
    Resize(),
    Resize(size=24),
    Resize(size=24, side="short", styles=True),
    Resize(size=80, enlarge=True),
    Pad(),
    Pad(tile=20, overlap=4, border=3, mode="replicate", styles=True),
)
def test_conformance(stage, check):
    check(stage)


@parametrize_checks(RestoreSize(), UpscaleGuided(), UpscaleGuided(radius=5, eps=0.1, texture=0.5, detail=0))
def test_conformance_of_what_goes_back(stage, check):
    check(stage)


class Recolour(impasto.Stylizer, name="recolour"):
    """Paint every colour as another, which fine detail does not change."""

    style = "optional"

    def stylize(self, content, styles, guides):
        return 0.9 - 0.8 * content.flip(1)


class Red(impasto.Stylizer, name="red"):
    """Paint everything red."""

    def stylize(self, content, styles, guides):
        return torch.zeros_like(content).index_fill(1, torch.tensor(0), 1.0)


def through(*stages, content, styles=(), mask=None, guides=None):
    """Return the canvas that stages make of one with this content."""
    canvas = Canvas(content, content, styles, mask, guides)
    for stage in stages:
        canvas = stage.apply(canvas)
    return canvas


@pytest.fixture
def photo():
    return impasto.samples.content("cat")[..., 40:241, 60:331].contiguous()  # 201×271


@pytest.fixture
def disc(photo):
    """A disc with a soft edge of some 30 pixels."""
    height, width = photo.shape[-2:]
    y, x = torch.arange(height)[:, None] - 90.0, torch.arange(width)[None] - 120.0
    return ((80 - (y.square() + x.square()).sqrt()) / 30).clamp(0, 1)[None, None]


# --------------------------------------------------------------------------------------------------- resampling


@pytest.mark.parametrize("size", [(67, 90), (31, 271), (402, 500), (1, 1)])
def test_pictures_are_resampled_as_pillow_does(photo, size):
    expected = [
        np.asarray(Image.fromarray(channel.numpy()).resize(size[::-1], Image.Resampling.BICUBIC))
        for channel in photo[0]
    ]
    np.testing.assert_allclose(resample(photo, size)[0], np.stack(expected), atol=1e-5)


def test_masks_are_resampled_as_pillow_does(photo, disc):
    canvas = through(Resize(size=90), content=photo, mask=disc)
    expected = Image.fromarray(disc[0, 0].numpy()).resize((90, 67), Image.Resampling.BILINEAR)
    np.testing.assert_allclose(canvas.mask[0, 0], np.asarray(expected), atol=1e-5)


@pytest.mark.parametrize(
    ("stage", "size"),
    [
        (Resize(size=100), (74, 100)),
        (Resize(size=100, side="short"), (100, 135)),
        (Resize(size=271), (201, 271)),
        (Resize(size=1000), (201, 271)),
        (Resize(size=542, enlarge=True), (402, 542)),
        (Resize(size=1), (1, 1)),
    ],
    ids=repr,
)
def test_the_side_gets_its_length_and_nothing_grows_unasked(photo, stage, size):
    canvas = through(stage, content=photo)
    assert canvas.content.shape[-2:] == canvas.image.shape[-2:] == size
    if size == (201, 271):
        assert torch.equal(canvas.image, photo)


@pytest.mark.parametrize("stage", [Resize(size=50), Pad(tile=64, border=9)], ids=repr)
def test_guides_follow_and_still_sum_to_one(photo, stage):
    guides = torch.rand(1, 4, *photo.shape[-2:], generator=torch.Generator().manual_seed(0)).softmax(1)
    canvas = through(stage, content=photo, guides=guides)
    assert canvas.guides.shape[-2:] == canvas.content.shape[-2:]
    torch.testing.assert_close(canvas.guides.sum(1), torch.ones_like(canvas.guides[:, 0]))


@pytest.mark.parametrize(
    ("stage", "size"), [(Resize(size=50, styles=True), (50, 40)), (Pad(tile=48, styles=True), (144, 96))], ids=repr
)
def test_styles_and_their_guides_follow_when_asked(photo, stage, size):
    style = Style(impasto.samples.style("mosaic", (100, 80)), guides=torch.ones(1, 1, 100, 80))
    canvas = through(stage, content=photo, styles=(style,))
    assert canvas.styles[0].image.shape[-2:] == canvas.styles[0].guides.shape[-2:] == size
    canvas = through(type(stage)(), content=photo, styles=(style,))
    assert canvas.styles[0].image is style.image


# ---------------------------------------------------------------------------------------------------- restoring


@restoring
@pytest.mark.parametrize("before", [[Resize(size=90)], [Pad(border=20)], [Resize(size=120), Pad(), Resize(size=64)]])
def test_what_nothing_painted_comes_back_to_the_bit(photo, disc, before, restore):
    canvas = through(*before, restore, content=photo, mask=disc)
    assert torch.equal(canvas.image, photo)
    assert torch.equal(canvas.content, photo)
    assert torch.equal(canvas.mask, disc)
    assert "resized" not in canvas.memo


@restoring
def test_outside_the_mask_the_original_bits_are_kept(photo, disc, restore):
    canvas = through(Resize(size=90), Recolour(), restore, content=photo, mask=disc)
    outside = (disc == 0).expand_as(photo)
    assert torch.equal(canvas.image[outside], photo[outside])
    assert (canvas.image - photo)[..., 60:120, 90:150].abs().mean() > 0.1


@pytest.mark.parametrize("restore", [RestoreSize(), UpscaleGuided(detail=0)], ids=repr)
def test_a_soft_edge_is_as_soft_as_when_painted_in_full_size(photo, disc, restore):
    large = Pipeline(Red())(photo, photo, mask=disc, device="cpu").tensor
    small = Pipeline(Resize(size=90), Red(), restore)(photo, photo, mask=disc, device="cpu").tensor
    assert (small - large).abs().mean() < 1e-3
    # The edge mixed twice would be this far off.
    assert (composite(photo, large, disc) - large).abs().mean() > 5e-3


@pytest.mark.parametrize("restore", [RestoreSize(), UpscaleGuided(detail=0)], ids=repr)
def test_a_region_without_a_style_keeps_its_bits(photo, restore):
    left = torch.zeros(1, 1, *photo.shape[-2:])
    left[..., :130] = 1
    style = Style(photo, region="left")
    picture = Pipeline(Resize(size=90), Red(), restore)(photo, style, guides={"left": left}, device="cpu").tensor
    assert torch.equal(picture[..., 140:], photo[..., 140:])
    torch.testing.assert_close(picture[..., :120], Red().stylize(photo, [], None)[..., :120], atol=0.05, rtol=0)


@restoring
def test_a_mask_made_while_small_is_enlarged(photo, restore):
    class Half(impasto.Preprocessor, name="half"):
        """Mask the left half."""

        def prepare(self, canvas):
            mask = torch.zeros_like(canvas.content[:1, :1])
            mask[..., : mask.shape[-1] // 2] = 1
            return canvas.replace(mask=mask)

    canvas = through(Resize(size=90), Half(), Recolour(), restore, content=photo)
    assert canvas.mask.shape == (1, 1, 201, 271)
    assert torch.equal(canvas.image[..., 140:], photo[..., 140:])
    assert not torch.equal(canvas.image[..., :130], photo[..., :130])


@restoring
@pytest.mark.parametrize("mask", [False, True])
def test_each_picture_of_a_batch_is_restored_alone(photo, disc, restore, mask):
    both = torch.cat([photo, 1 - photo.flip(-1)])
    masks = torch.cat([disc, disc.flip(-1)]) if mask else None
    pipe = Pipeline(Resize(size=90), Pad(tile=16), Recolour(), restore)
    found = pipe(both, mask=masks, device="cpu").tensor
    for index in range(2):
        own = None if masks is None else masks[index : index + 1]
        torch.testing.assert_close(
            found[index : index + 1], pipe(both[index : index + 1], mask=own, device="cpu").tensor
        )


@restoring
@pytest.mark.parametrize("size", [(1, 40), (40, 1), (3, 3), (1, 1), (7, 301)])
def test_odd_pictures_come_back(size, restore):
    content = torch.rand(1, 3, *size, generator=torch.Generator().manual_seed(0))
    for before in (Resize(size=2), Resize(size=77, enlarge=True), Pad(tile=24, border=11)):
        assert Pipeline(before, Recolour(), restore)(content, device="cpu").tensor.shape == content.shape


def test_opacity_stays_with_a_picture_of_the_former_size(photo):
    alpha = torch.rand(1, 1, *photo.shape[-2:])
    given = impasto.Picture(photo, alpha)
    assert torch.equal(Pipeline(Resize(size=90), Recolour(), RestoreSize())(given).alpha, alpha)


@restoring
def test_nothing_to_restore_is_said_and_changes_nothing(photo, restore):
    with pytest.warns(UserWarning, match=rf"{restore.name}: there is nothing to restore.*\n  what to type: resize"):
        picture = Pipeline(Recolour(), restore)(photo, device="cpu")
    assert torch.equal(picture.tensor, Pipeline(Recolour())(photo, device="cpu").tensor)


def test_a_picture_too_small_to_shrink_is_nothing_to_warn_of(photo, recwarn):
    picture = Pipeline(Resize(), Recolour(), RestoreSize())(photo, device="cpu")
    assert torch.equal(picture.tensor, Pipeline(Recolour())(photo, device="cpu").tensor)
    assert not recwarn.list


def test_what_an_earlier_run_resized_is_none_of_this_runs_business(photo):
    small = Pipeline(Resize(size=90), Recolour())(photo, device="cpu")
    again = Pipeline(Resize(size=40), Recolour(), RestoreSize())(small, device="cpu")
    assert again.size == small.size
    with pytest.warns(UserWarning, match="nothing to restore"):
        assert torch.equal(Pipeline(RestoreSize())(small, device="cpu").tensor, small.tensor)


def test_a_mask_that_selects_nothing_is_refused(photo, disc):
    with pytest.raises(impasto.StageError, match="the mask selects nothing"):
        Pipeline(Resize(size=90), RestoreSize())(photo, mask=0 * disc)


# ------------------------------------------------------------------------------------------- guided upsampling


def distance(one, other):
    return float((one - other).abs().mean())


def test_a_painting_that_only_recolours_comes_back_nearly_as_if_painted_large(photo):
    large = 0.9 - 0.8 * photo.flip(1)
    small = 0.9 - 0.8 * resample(photo, (67, 90)).flip(1)
    bicubic = distance(resample(small, (201, 271)), large)
    assert distance(upsample_guided(small, photo, detail=0), large) < 0.6 * bicubic


@pytest.mark.parametrize("texture", [1.0, 0.0])
def test_brushwork_is_kept_by_its_share(photo, texture):
    brushwork = impasto.samples.style("impasto", (67, 90))
    found = upsample_guided(brushwork, photo, texture=texture, detail=0)
    lost = distance(resample(found, (67, 90)), brushwork) / brushwork.std()
    assert lost < 0.1 if texture else lost > 0.2


def test_a_flat_painting_gets_the_brightness_detail_of_the_content(photo):
    flat = torch.full((1, 3, 67, 90), 0.5)
    assert distance(upsample_guided(flat, photo, detail=0), torch.full_like(photo, 0.5)) < 1e-4
    grey = impasto.functional.luma(photo)
    missing = grey - resample(resample(grey, (67, 90)), (201, 271))
    found = upsample_guided(flat, photo, detail=0.5, texture=0)
    torch.testing.assert_close(found, (0.5 + 0.5 * missing).expand_as(found), atol=1e-4, rtol=0)


def test_a_flat_content_gives_the_bicubic_picture():
    painted = torch.rand(1, 3, 20, 30, generator=torch.Generator().manual_seed(0))
    found = upsample_guided(painted, torch.full((1, 3, 60, 90), 0.4))
    assert distance(found, resample(painted, (60, 90))) < 0.2 * painted.std()


# ------------------------------------------------------------------------------------------------------ padding


@pytest.mark.parametrize(("mode", "named"), [("reflect", "reflect"), ("replicate", "edge")])
@pytest.mark.parametrize("size", [(5, 9), (1, 7), (33, 64)])
def test_padding_is_that_of_numpy_however_much(size, mode, named):
    content = torch.rand(1, 3, *size, generator=torch.Generator().manual_seed(0))
    canvas = through(Pad(tile=32, border=20, mode=mode), content=content)
    height, width = canvas.content.shape[-2:]
    top, left = (height - size[0]) // 2, (width - size[1]) // 2
    around = ((0, 0), (0, 0), (top, height - size[0] - top), (left, width - size[1] - left))
    np.testing.assert_array_equal(canvas.content, np.pad(content.numpy(), around, mode=named))
    assert torch.equal(RestoreSize().apply(canvas).image, content)


@pytest.mark.parametrize(
    ("stage", "size"),
    [
        (Pad(tile=64), (256, 320)),
        (Pad(tile=271), (271, 271)),
        (Pad(tile=128, overlap=32), (224, 320)),  # 2 and 3 tiles, each 96 after the other
        (Pad(tile=1, border=8), (217, 287)),
        (Pad(tile=512), (512, 512)),
    ],
    ids=repr,
)
def test_whole_tiles_cover_the_padded_picture(photo, stage, size):
    canvas = through(stage, content=photo)
    assert canvas.content.shape[-2:] == canvas.image.shape[-2:] == size


def test_a_painting_is_cropped_where_it_was_padded(photo, disc):
    padded = Pipeline(Pad(tile=50, border=7), Recolour(), RestoreSize())
    for mask in (None, disc):
        expected = Pipeline(Recolour())(photo, mask=mask, device="cpu").tensor
        assert torch.equal(padded(photo, mask=mask, device="cpu").tensor, expected)


# ------------------------------------------------------------------------------------------------ what is said


def test_errors_say_what_would_work():
    with pytest.raises(
        impasto.ParameterError, match=r"tiles of 32 pixels cannot share 32\n  what would work: overlap=8"
    ):
        Pad(overlap=32)
    with pytest.raises(impasto.ParameterError, match="one of 'long', 'short'"):
        Resize(side="width")
    with pytest.raises(impasto.ParameterError, match="one of 'reflect', 'replicate'"):
        Pad(mode="zeros")


def test_the_examples_run():
    assert doctest.testmod(impasto_resize).failed == 0


def test_hooks_offer_the_stages():
    assert {"resize", "pad"} <= set(impasto.get_host().preprocessors)
    assert {"restore-size", "upscale-guided"} <= set(impasto.get_host().postprocessors)


def test_a_canvas_can_be_changed_by_hand(photo):
    canvas = Resize(size=90).prepare(Canvas(photo, 1 - photo))
    torch.testing.assert_close(canvas.image, 1 - canvas.content, atol=1e-5, rtol=0)
