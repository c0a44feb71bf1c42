"""Local style transfer: masks, regions with a style each, and what stylizers and postprocessors are handed."""

import warnings

import numpy as np
import pytest
import torch

import impasto
from impasto.cli import main
from impasto.stage import Canvas, Region, align_styles, bounding_box, check_coverage, covered_regions

H, W = 40, 60
PHOTO = torch.rand(1, 3, H, W, generator=torch.Generator().manual_seed(3)) * 0.8 + 0.1
LEFT = torch.zeros(1, 1, H, W)
LEFT[..., :20] = 1
RIGHT = torch.zeros(1, 1, H, W)
RIGHT[..., 40:] = 1
RED, GREEN, BLUE = (torch.zeros(1, 3, 24, 30).index_fill(1, torch.tensor(channel), 1.0) for channel in range(3))


class Fill(impasto.Stylizer, name="fill"):
    """Fill the picture with the mean colour of the styles, knowing nothing of regions."""

    def stylize(self, content, styles, guides):
        assert guides is None or guides.shape[1] == 1
        return torch.stack([style.image.mean((2, 3), keepdim=True) for style in styles]).mean(0).expand_as(content)


class RegionalFill(impasto.Stylizer, name="regional-fill"):
    """Fill each region with the mean colour of its styles."""

    regional = True

    def stylize(self, content, styles, guides):
        image = torch.zeros_like(content)
        for index, region in enumerate(guides.unbind(1)):
            own = [style for style in styles if style.guides is None or style.guides[:, index].any()]
            for style in own:
                image += region[:, None] * style.image.mean((2, 3), keepdim=True) / len(own)
        return image


def is_filled(image, area, colour):
    inside = area.expand_as(image) > 0
    return torch.allclose(image[inside], colour[..., :1, :1].expand_as(image)[inside], atol=1e-6)


def is_kept(image, area):
    outside = area.expand_as(image) == 0
    return torch.equal(image[outside], PHOTO[outside])


def outline(kind):
    y, x = torch.meshgrid(torch.arange(64), torch.arange(90), indexing="ij")
    return {
        "a disc": (x - 45) ** 2 + (y - 30) ** 2 < 400,
        "five pixels wide": (x >= 40) & (x < 45),
        "one pixel": (x == 40) & (y == 20),
        "all white": x >= 0,
    }[kind][None, None].float()


# ------------------------------------------------------------------------------------------------ masks


READY = sorted(
    name
    for name, stage in impasto.get_host().stylizers.items()
    if not any(parameter.required for parameter in stage.parameters().values())
)
"""Stylizers that paint as they are, without a file of the user's."""


@pytest.mark.parametrize("kind", ["a disc", "five pixels wide", "one pixel", "all white"])
@pytest.mark.parametrize("name", READY)
def test_every_installed_stylizer_paints_inside_a_mask_and_keeps_the_bits_outside(name, kind):
    stage = impasto.get_host().stage(name)
    quick = {key: value for key, value in (("encoder", "slim19"), ("steps", 2)) if key in stage.parameters()}
    content, mask = impasto.samples.content("cat", 90)[..., :64, :90], outline(kind)[..., :60, :]
    content, mask = content[..., : mask.shape[-2], :], mask[..., : content.shape[-2], :]
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        style = None if stage.style == "ignored" else impasto.samples.style("mosaic", 64)
        image = impasto.Pipeline(stage(**quick))(content, style, mask=mask).tensor
    outside = (mask == 0).expand_as(image)
    assert torch.equal(image[outside], content[outside])
    assert (image != content)[~outside].any()
    small = [str(one.message) for one in said if "the mask selects 1 pixel" in str(one.message)]
    assert len(small) == (kind == "one pixel")


@pytest.mark.parametrize("name", READY)
def test_every_installed_stylizer_refuses_an_empty_mask(name):
    stage = impasto.get_host().stage(name)
    with pytest.raises(impasto.StageError, match="the mask selects nothing"):
        impasto.Pipeline(stage())(PHOTO, None if stage.style == "ignored" else RED, mask=torch.zeros(1, 1, H, W))


def test_a_method_sees_only_the_surroundings_of_the_mask():
    seen = []

    class Look(impasto.Stylizer, name="look"):
        """Look."""

        context = 7

        def stylize(self, content, styles, guides):
            seen.append(content)
            return content * 0.5

    mask = torch.zeros(1, 1, H, W)
    mask[..., 12:15, 30:41] = 1
    image = impasto.Pipeline(Look())(PHOTO, RED, mask=mask).tensor
    assert torch.equal(seen[0], PHOTO[..., 5:22, 23:48])
    assert torch.equal(image, torch.where(mask > 0, PHOTO * 0.5, PHOTO))


@pytest.mark.parametrize(
    ("rows", "columns", "margin", "smallest", "expected"),
    [
        ((3, 4), (5, 6), 0, 1, (slice(3, 4), slice(5, 6))),
        ((3, 4), (5, 6), 2, 1, (slice(1, 6), slice(3, 8))),
        ((0, 1), (59, 60), 3, 16, (slice(0, 16), slice(44, 60))),
        ((0, 40), (0, 60), 64, 16, (slice(0, 40), slice(0, 60))),
        ((10, 11), (0, 60), 0, 100, (slice(0, 40), slice(0, 60))),
    ],
)
def test_the_bounding_box_is_inside_the_picture_and_long_enough(rows, columns, margin, smallest, expected):
    area = torch.zeros(1, 1, H, W)
    area[..., slice(*rows), slice(*columns)] = 1
    assert bounding_box(area, margin, smallest) == expected


# ---------------------------------------------------------------------------------------------- regions


@pytest.mark.parametrize("stage", [Fill(), RegionalFill()])
def test_each_region_gets_the_style_that_is_for_it_and_the_rest_stays(stage):
    styles = [impasto.Style(RED, region="left"), impasto.Style(BLUE, region="right")]
    image = impasto.Pipeline(stage)(PHOTO, styles, guides={"left": LEFT, "right": RIGHT}).tensor
    assert is_filled(image, LEFT, RED)
    assert is_filled(image, RIGHT, BLUE)
    assert is_kept(image, LEFT + RIGHT)


@pytest.mark.parametrize("stage", [Fill(), RegionalFill()])
def test_a_mask_and_regions_together_paint_what_they_have_in_common(stage):
    top = torch.zeros(1, 1, H, W)
    top[..., :10, :] = 1
    image = impasto.Pipeline(stage)(PHOTO, impasto.Style(RED, region="left"), mask=top, guides={"left": LEFT}).tensor
    assert is_filled(image, LEFT * top, RED)
    assert is_kept(image, LEFT * top)


@pytest.mark.parametrize("stage", [Fill(), RegionalFill()])
def test_soft_regions_blend(stage):
    ramp = torch.linspace(0, 1, W).expand(1, 1, H, W)
    styles = [impasto.Style(RED, region="sea"), impasto.Style(BLUE, region="rest")]
    image = impasto.Pipeline(stage)(PHOTO, styles, guides={"sea": ramp}).tensor
    torch.testing.assert_close(image[:, :1], ramp, atol=1e-5, rtol=0)
    torch.testing.assert_close(image[:, 2:], 1 - ramp, atol=1e-5, rtol=0)


def test_regions_of_a_style_are_matched_by_label_whatever_their_order():
    half = torch.zeros(1, 2, 24, 60)
    half[:, 0, :, :30] = half[:, 1, :, 30:] = 1
    style = impasto.Style(torch.cat([RED, BLUE], -1), guides=half, labels=("right", "left"))
    guides = torch.cat([LEFT, 1 - LEFT], 1)
    canvas = Canvas(content=PHOTO, image=PHOTO, styles=(style,), guides=guides, labels=("left", "right"))
    (matched,) = align_styles(canvas)
    assert matched.labels == ("left", "right")
    assert torch.equal(matched.guides, half.flip(1))
    image = Fill().apply(canvas).image
    assert is_filled(image, LEFT, BLUE)
    assert is_filled(image, 1 - LEFT, RED)


def test_a_part_of_a_style_can_cover_a_mask_or_a_region():
    style, part = torch.cat([RED, BLUE], -1), torch.zeros(1, 1, 24, 60)
    part[..., 30:] = 1
    image = impasto.Pipeline(Fill())(PHOTO, impasto.Style(style, guides=part), mask=LEFT).tensor
    assert is_filled(image, LEFT, BLUE)
    image = impasto.Pipeline(Fill())(PHOTO, impasto.Style(style, guides=part, region="left"), guides={"left": LEFT})
    assert is_filled(image.tensor, LEFT, BLUE)


def test_a_region_without_a_style_stays_and_is_named():
    first = torch.zeros(1, 2, 24, 30)
    first[:, 0] = 1
    style = impasto.Style(RED, guides=first, labels=("left", "sky"))
    canvas = Canvas(
        content=PHOTO,
        image=PHOTO,
        styles=(style,),
        guides=torch.cat([LEFT, 1 - LEFT], 1),
        labels=("left", "water"),
    )
    with pytest.warns(UserWarning, match="region") as said:
        image = Fill().apply(canvas).image
    texts = "\n".join(str(one.message) for one in said)
    assert "no style covers the region 'water', which stays as it is" in texts
    assert "the style's regions 'sky' are not in the content ('left', 'water') and are not used" in texts
    assert is_filled(image, LEFT, RED)
    assert is_kept(image, LEFT)


def test_regions_come_with_their_map_and_the_shares_of_the_styles_that_cover_them():
    guides = torch.cat([LEFT, torch.zeros_like(LEFT), RIGHT], 1)
    for_left = torch.zeros(1, 3, 24, 30).index_fill(1, torch.tensor(0), 1.0)
    styles = [impasto.Style(RED, weight=3.0), impasto.Style(BLUE, guides=for_left)]
    left, right = covered_regions(guides, styles)
    assert (left.index, left.styles, left.shares) == (0, (0, 1), (0.75, 0.25))
    assert (right.index, right.styles, right.shares) == (2, (0,), (1.0,))
    assert torch.equal(right.area, RIGHT)
    assert [region.index for region in covered_regions(guides, styles[1:])] == [0]
    assert [region.index for region in covered_regions(guides)] == [0, 2]
    assert list(covered_regions(None, styles[:1])) == [Region(0, None, (0,), (3.0,))]
    with pytest.raises(impasto.StageError, match="1, -1, sum to 0"):
        _ = Region(0, None, (0, 1), (1.0, -1.0)).shares


def test_what_no_style_covers_is_named_once_for_all_stages():
    guides = torch.cat([LEFT, torch.zeros_like(LEFT), RIGHT], 1)
    for_left = torch.zeros(1, 3, 24, 30).index_fill(1, torch.tensor(0), 1.0)
    style = impasto.Style(BLUE, guides=for_left)
    with pytest.warns(UserWarning, match="fill: no style covers the region 'sun', which stays as it is"):
        assert check_coverage(Fill(), guides, [style], ("sea", "sky", "sun")) == [True, False, False]
    assert check_coverage(Fill(), guides, [style], intended=True) == [True, False, False]
    assert check_coverage(Fill(), guides, []) == [True, True, True]
    with pytest.raises(impasto.StageError, match="no style covers any region of the content \\('3 of 3'\\)"):
        check_coverage(Fill(), guides * torch.tensor([0, 0, 1]).view(1, 3, 1, 1), [style])


@pytest.mark.parametrize(
    ("style", "guides", "message"),
    [
        ({"region": "sky"}, {"left": LEFT}, "a style is for the region 'sky'; regions of the content: 'left', 'rest'"),
        ({"region": "sky"}, None, "regions of the content: none"),
        ({"guides": torch.full((1, 2, 24, 30), 0.5)}, None, "guides name 2 regions and the content has none"),
        (
            {"guides": torch.full((1, 2, 24, 30), 0.5), "labels": ("sky", "sea")},
            {"left": LEFT},
            "the style's regions are 'sky', 'sea' and the content's 'left', 'rest': none is on both sides",
        ),
    ],
)
def test_regions_that_cannot_be_matched_are_named(style, guides, message):
    with pytest.raises(impasto.StageError) as raised:
        impasto.Pipeline(Fill())(PHOTO, impasto.Style(RED, **style), guides=guides)
    assert message in str(raised.value)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"labels": ("a",)}, "a label for each of 2 maps, found 'a'"),
        ({"labels": ("a", "a")}, "a different label for each map"),
        ({"region": "a"}, "one map (1, 1, h, w) of the part that counts"),
    ],
)
def test_a_style_refuses_labels_that_do_not_fit(wrong, message):
    with pytest.raises(ValueError, match="what would work") as raised:
        impasto.Style(RED, guides=torch.full((1, 2, 24, 30), 0.5), **wrong)
    assert message in str(raised.value)


# ------------------------------------------------------------------------------------- masks by their names


def test_masks_that_overlap_share_and_what_they_leave_is_the_rest():
    seen = []

    class Look(impasto.Preprocessor, name="look"):
        """Look."""

        def prepare(self, canvas):
            seen.append(canvas)
            return canvas

    impasto.Pipeline(Look())(PHOTO, guides={"a": LEFT, "b": LEFT.roll(10, -1)})
    (canvas,) = seen
    assert canvas.labels == ("a", "b", "rest")
    torch.testing.assert_close(canvas.guides.sum(1), torch.ones(1, H, W))
    assert canvas.guides[0, :, 0, [5, 15, 25, 50]].T.tolist() == [[1, 0, 0], [0.5, 0.5, 0], [0, 1, 0], [0, 0, 1]]


@pytest.mark.parametrize(
    ("guides", "message"),
    [
        ({"sky": torch.ones(1, 1, 8, 8)}, "guides, region 'sky': the mask is 8×8 pixels and the content is 60×40"),
        ({"sky": torch.zeros(1, 1, H, W)}, "guides, region 'sky': the mask selects nothing"),
        ({"rest": LEFT}, "another name for that region"),
        ({}, "no region is named"),
    ],
)
def test_a_mask_that_does_not_fit_is_named_by_its_label(guides, message):
    with pytest.raises(ValueError, match="what") as raised:
        impasto.Pipeline(Fill())(PHOTO, RED, guides=guides)
    assert message in str(raised.value)


def test_a_mask_file_that_does_not_fit_is_named(tmp_path):
    file = tmp_path / "mask.png"
    impasto.read(np.zeros((8, 8), np.uint8)).save(file)
    with pytest.raises(ValueError, match=r"the mask .*mask\.png is 8×8 pixels and the content is 60×40"):
        impasto.Pipeline(Fill())(PHOTO, RED, mask=file)
    with pytest.raises(Exception, match=r"nowhere\.png"):
        impasto.Pipeline(Fill())(PHOTO, RED, mask=tmp_path / "nowhere.png")


def test_regions_on_the_command_line(tmp_path):
    for name, picture in (("photo", PHOTO), ("left", LEFT.expand(1, 3, H, W)), ("red=dark", RED * 0.5)):
        impasto.read(picture).save(tmp_path / f"{name}.png", recipe=False)
    photo, left, style = (str(tmp_path / f"{name}.png") for name in ("photo", "left", "red=dark"))
    out = str(tmp_path / "out.png")
    words = ["paint", photo, f"left={style}", "-o", out, "--with", "gatys:encoder=slim19:steps=1", "--device", "cpu"]
    assert main([*words, "--guides", f"left={left}"]) == 0
    before, after = impasto.read(photo).tensor, impasto.read(out).tensor
    assert torch.equal(before[..., 20:], after[..., 20:])
    assert not torch.equal(before[..., :20], after[..., :20])
    with pytest.raises(SystemExit):
        main([*words, "--guides", left])


# ------------------------------------------------------------------------------------------ postprocessors


def test_a_postprocessor_that_asks_is_given_the_regions_inside_the_mask():
    seen = []

    class Look(impasto.Postprocessor, name="look"):
        """Look."""

        def refine_regions(self, image, content, styles, guides):
            seen.append((styles, guides))
            return image * 0

    canvas = Canvas(content=PHOTO, image=PHOTO)
    Look().apply(canvas)
    Look().apply(canvas.replace(mask=LEFT))
    both = torch.cat([RIGHT, 1 - RIGHT], 1)
    style = impasto.Style(RED, region="b")
    image = Look().apply(canvas.replace(mask=LEFT, guides=both, labels=("a", "b"), styles=(style,))).image
    assert seen[0][1] is None
    assert torch.equal(seen[1][1], LEFT)
    assert torch.equal(seen[2][1], both * LEFT)
    assert seen[2][0][0].guides.mean((0, 2, 3)).tolist() == [0, 1]
    assert is_kept(image, LEFT)
