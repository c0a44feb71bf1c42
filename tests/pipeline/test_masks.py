"""One rule for what a mask is; what is hardly one is refused, and colours that nobody sees never count."""

import re
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import impasto
from impasto.errors import ParameterError
from impasto.pipeline import read_guides, read_mask

CONTENT = torch.rand(1, 3, 12, 16)
HALF = np.zeros((12, 16), np.uint8)
HALF[:, 8:] = 255

CONTENT24 = torch.rand(1, 3, 24, 24)


@pytest.mark.parametrize("mask", [HALF // 255, (HALF > 0).astype(np.uint16), HALF // 255 * 3, HALF // 2])
def test_whole_numbers_that_are_no_degrees_are_refused_with_what_to_type(mask):
    with pytest.raises(ValueError, match=r"(?s)the values 0, \d+ of \d+, which is hardly a mask.*mask > 0"):
        read_mask(mask, CONTENT)
    guides = {"sky": mask}
    with pytest.raises(ValueError, match=r"region 'sky'.*hardly a mask"):
        impasto.Pipeline()(CONTENT, guides=guides)


LABELS = np.arange(12 * 16).reshape(12, 16) // 10  # of 20 parts


@pytest.mark.parametrize(
    ("mask", "shown"),
    [
        (HALF.astype(np.int64) // 255, "the values 0, 1 of int64, which does not say where white is"),
        (torch.from_numpy(LABELS), "the values 0, 1, 2, 3, 4, … 19 of torch.int64"),
        (LABELS.astype(np.uint8), "the values 0, 1, 2, 3, 4, … 19 of 255, which is hardly a mask"),
        (HALF.astype(np.uint16), "the values 0, 255 of 65535(.|\n)*mask \\* 257"),
        (np.where(HALF > 0, np.uint8(255), LABELS.astype(np.uint8) % 3), "the values 0, 1, 2, 255 of 255"),
        (HALF / 255 / 255, "the values 0, 0.00392 of 1(.|\n)*mask > 0"),
        (torch.from_numpy(HALF / 255 / 255)[None, None], "the values 0, 0.00392 of 1(.|\n)*mask > 0"),
        (HALF.astype(np.float32), "the mask: array: runs from 0 to 255(.|\n)*divide it by 255"),
        (np.where(HALF > 0, np.nan, 0), "the mask: array: holds NaN"),
        (torch.from_numpy(np.where(HALF > 0, np.nan, 0))[None, None], "found nan to nan(.|\n)*nan_to_num"),
        (torch.from_numpy(HALF).float()[None, None], "found 0 to 255(.|\n)*maps / 255"),
    ],
)
def test_what_is_hardly_a_mask_is_refused_with_the_values_found(mask, shown):
    with pytest.raises((ValueError, impasto.StageError), match=shown):
        impasto.Pipeline(Mean())(CONTENT, CONTENT, mask=mask)


def test_a_palette_of_labels_shows_its_colours(tmp_path):
    image = Image.fromarray(HALF // 255)
    image.putpalette([0, 0, 0, 128, 0, 0])
    image.save(tmp_path / "labels.png")
    with pytest.raises(ValueError, match=r"the colours #000000, #800000, which is hardly") as said:
        read_mask(tmp_path / "labels.png", CONTENT)
    assert "43" not in str(said.value).replace(str(tmp_path), "")
    assert "mask *" not in str(said.value)
    line = re.search(r"Pipeline\.parse\('(.*), …'\)", str(said.value))[1]
    assert impasto.Pipeline.parse(line).stages


def test_what_is_advised_for_a_mask_of_0_and_1_works_as_it_was_given(tmp_path):
    Image.fromarray(HALF // 255).save(tmp_path / "mask01.png")
    path = tmp_path / "mask01.png"
    for mask in (path, str(path), Image.open(path), HALF // 255, torch.from_numpy(HALF // 255), impasto.read(path)):
        with pytest.raises(ValueError, match="hardly a mask") as said:
            read_mask(mask, CONTENT)
        advice = str(said.value).partition("what to type: ")[2]
        if "Pipeline.parse" in advice:
            assert isinstance(mask, (str, Path, impasto.Picture))
            assert "in the place of mask=..." in advice
            assert impasto.Pipeline.parse(re.search(r"parse\('(.*), …'\)", advice)[1]).stages
            continue
        for python in advice.split(", or "):
            found = read_mask(eval(python, {"mask": mask, "np": np, "impasto": impasto}), CONTENT)
            assert torch.equal(found[0, 0], torch.from_numpy(HALF > 0).float()), python


def test_the_black_of_a_jpeg_mask_is_black(tmp_path):
    Image.fromarray(np.tile(HALF[:, 2:14], (4, 4))).save(tmp_path / "mask.jpg", quality=60)
    found = read_mask(tmp_path / "mask.jpg", torch.rand(1, 3, 48, 48))
    assert float(((found == 0) | (found == 1)).float().mean()) > 0.8


def test_guides_that_are_neither_masks_by_label_nor_a_tensor_are_refused():
    with pytest.raises(TypeError, match=r"guides: found list(.|\n)*guides={'sky': 'sky.png'}"):
        impasto.Pipeline()(CONTENT, guides=[HALF])


@pytest.mark.parametrize("mask", [HALF, HALF > 0, (HALF / 255).astype(np.float32), HALF.astype(np.uint16) * 257])
def test_a_mask_is_taken_whatever_it_is_made_of(mask):
    assert torch.equal(read_mask(mask, CONTENT), torch.from_numpy(HALF / 255).float()[None, None])


def test_soft_masks_that_are_dark_all_over_stay_what_they_are():
    ramp = np.tile(np.arange(16, dtype=np.uint8) * 6, (12, 1))
    assert float(read_mask(ramp, CONTENT).max()) == pytest.approx(90 / 255)
    quarter = torch.full((1, 1, 12, 16), 0.25)
    assert torch.equal(read_mask(quarter, CONTENT), quarter)


def test_opacity_is_the_mask_where_it_says_anything():
    white = np.full_like(HALF, 255)
    assert torch.equal(read_mask(np.dstack([white, white, white, HALF]), CONTENT), read_mask(HALF, CONTENT))
    opaque = np.dstack([HALF, HALF, HALF, white])
    assert torch.equal(read_mask(opaque, CONTENT), read_mask(HALF, CONTENT))


def test_a_coloured_mask_is_pointed_out():
    with pytest.warns(UserWarning, match="has colours, of which the mean is taken"):
        read_mask(np.dstack([HALF, HALF, HALF // 2]), CONTENT)


class Mean(impasto.Stylizer, name="mean"):
    """Paint with the means of content and styles."""

    def stylize(self, content, styles, guides):
        mean = sum(style.image.mean((2, 3), keepdim=True) for style in styles) / len(styles)
        return content.lerp((mean + content.mean((2, 3), keepdim=True)) / 2, 0.5)


@pytest.mark.filterwarnings("ignore:the style picture is wholly transparent")
@pytest.mark.parametrize("shown", [True, False])
def test_files_that_look_alike_paint_alike(shown):
    colours = np.random.default_rng(0).integers(0, 255, (12, 16, 3), dtype=np.uint8)
    alpha = HALF if shown else HALF * 0
    files = [
        np.dstack([np.where(alpha[..., None] > 0, colours, hidden).astype(np.uint8), alpha]) for hidden in (0, 255)
    ]
    as_content = [impasto.Pipeline(Mean())(file, CONTENT).tensor for file in files]
    as_style = [impasto.Pipeline(Mean())(CONTENT, file).tensor for file in files]
    in_a_style = [impasto.Pipeline(Mean())(CONTENT, impasto.Style(file)).tensor for file in files]
    for one, other in (as_content, as_style, in_a_style):
        assert torch.equal(one, other)


@pytest.mark.parametrize("weight", [float("nan"), float("inf"), np.float32("nan"), torch.tensor(float("-inf"))])
def test_a_weight_that_is_no_number_is_refused_where_it_is_given(weight):
    with pytest.raises(ParameterError, match=r"weight = .* does not fit"):
        impasto.Style(CONTENT, weight)


@pytest.mark.parametrize("number", [np.int64(3), torch.tensor(3), np.uint8(3)])
def test_numbers_of_numpy_and_torch_are_numbers(number):
    style = impasto.Style(CONTENT, number)
    assert type(style.weight) is float
    picture = impasto.Pipeline(Mean())(CONTENT, style, seed=number)
    assert "seed = 3\n" in picture.meta.recipe


@pytest.mark.parametrize("seed", [-1, 2**70, None, 1.5, "1"])
def test_a_seed_that_is_none_is_refused_in_our_words(seed):
    with pytest.raises(ParameterError, match=r"(?s)seed = .* does not fit.*a whole number, 0 to"):
        impasto.Pipeline()(CONTENT, seed=seed)


@pytest.mark.parametrize("how", ["flipped", "other bytes"])
def test_guides_of_any_memory_are_read(how):
    maps = np.zeros((1, 2, 16, 16), np.float32)
    maps[:, 0, :, :6], maps[:, 1, :, 6:] = 1, 1
    given = maps[..., ::-1] if how == "flipped" else maps.astype(">f4")
    assert np.array_equal(read_guides(given, torch.zeros(1, 3, 16, 16))[0].numpy(), np.asarray(given, "f4"))


@pytest.mark.parametrize("white", [255.0, 65535.0])
def test_numbers_of_parts_divided_by_white_are_refused_as_they_are(white):
    parts = (np.indices((24, 24))[1] // 3).astype("f4")
    for mask in (parts / white, torch.tensor(parts / white)[None, None], parts * 2 / 255):
        with pytest.raises(impasto.PictureError, match="hardly a mask"):
            impasto.Pipeline.parse("posterize")(CONTENT24, CONTENT24, mask=mask)


def test_a_soft_faint_mask_of_floats_is_one():
    soft = np.linspace(0.02, 0.09, 24 * 24, dtype="f4").reshape(24, 24) + 1e-3
    impasto.Pipeline.parse("posterize")(CONTENT24, CONTENT24, mask=soft)
