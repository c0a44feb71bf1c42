"""`size`, `print` and `strokes`: a run that paints smaller than the picture and brings it back."""

import warnings

import pytest
import torch

import impasto
from impasto import ParameterError, Pipeline
from impasto.pipeline import load_recipe
from impasto.pipeline.work_size import work_size

PHOTO = impasto.samples.content("cat", 96)
STYLE = impasto.samples.style("wave", 48)


class Broad(impasto.Stylizer, name="broad"):
    """Paint in strokes of twenty pixels."""

    stroke = 20

    def stylize(self, content, styles, guides):
        return 1 - content


@pytest.fixture(scope="module")
def line():
    for name in ("resize", "adain"):
        if name not in impasto.get_host().stages:
            pytest.skip(f"{name} is not installed")
    return "adain, guided-smooth"


def test_size_paints_as_the_stages_that_change_sizes_do(line):
    by_stages = Pipeline.parse(f"resize:size=64, {line}, upscale-guided:detail=0.2")(PHOTO, STYLE)
    assert Pipeline.parse(line)(PHOTO, STYLE, size=64).tensor.equal(by_stages.tensor)


def test_what_the_mask_leaves_out_keeps_its_bits_at_full_size(line):
    mask = torch.zeros(1, 1, 64, 96)
    mask[..., :40] = 1
    painted = Pipeline.parse(line)(PHOTO, STYLE, mask=mask, size=48).tensor
    assert painted.shape == PHOTO.shape
    assert painted[..., 40:].equal(PHOTO[..., 40:])
    assert not painted[..., :40].equal(PHOTO[..., :40])


def test_a_picture_repeats_the_size_that_it_was_painted_at(line, tmp_path):
    file = tmp_path / "painted.png"
    painted = Pipeline.parse(line)(PHOTO, STYLE, strokes="15%", print="10cm")
    painted.save(file)
    recipe = load_recipe(file)
    assert (recipe.size, recipe.print) == (67, "10cm")  # 10 pixels are 15 % of 67
    again = Pipeline(*recipe.stages)(PHOTO, STYLE, size=recipe.size, print=recipe.print)
    assert again.tensor.equal(painted.tensor)
    assert impasto.read(file).meta.density == (24.0, 24.0)  # 96 pixels on 3.94 inches


def test_frames_are_painted_as_alone(line):
    pipe = Pipeline.parse(line)
    (frame,) = pipe.stream([PHOTO], STYLE, size=48)
    assert frame.tensor.equal(pipe(PHOTO, STYLE, size=48).tensor)


def test_prepare_shows_the_canvas_as_the_stylizer_gets_it():
    assert Pipeline(Broad()).prepare(PHOTO, STYLE, size=48).image.shape[-1] == 48


def test_a_smaller_picture_is_painted_as_it_is():
    pipe = Pipeline(Broad())
    assert pipe(PHOTO, STYLE, size=4000).tensor.equal(pipe(PHOTO, STYLE).tensor)


def test_a_stage_that_changes_the_size_for_itself_ends_at_the_picture_s_own(line):
    assert Pipeline.parse("resize:size=32, adain")(PHOTO, STYLE, size=48).size == (64, 96)


@pytest.mark.parametrize(
    ("print", "strokes", "side"),
    [
        ("40cm", None, 2000),  # 4 mm
        ("4m", None, 4000),  # never finer than half a per cent
        ("5cm", None, 1000),  # nor coarser than two
        ("40cm", "8mm", 1000),
        ("16in", "0.1in", 3200),
        (None, "2.5%", 800),
    ],
)
def test_print_and_strokes_choose_the_size_by_the_width_of_strokes(print, strokes, side):
    assert work_size([Broad()], None, print, strokes) == side


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"size": 0}, "16 to 16384"),
        ({"size": "1024"}, "whole number of pixels"),
        ({"print": "40"}, "such as 40cm"),
        ({"print": 40}, "such as 40cm"),
        ({"strokes": "4mm"}, "of a print"),
        ({"strokes": "80%"}, "at most 50 %"),
        ({"size": 512, "strokes": "1%"}, "one of them"),
    ],
)
def test_what_does_not_fit_is_refused_with_what_would(options, said):
    with pytest.raises(ParameterError, match=said):
        Pipeline(Broad())(PHOTO, STYLE, **options)


def large(side):
    return torch.full((1, 3, 1, 1), 0.5).expand(1, 3, 8, side).contiguous()


def test_strokes_that_are_hardly_seen_are_pointed_out():
    with pytest.warns(UserWarning, match=r"20 pixels wide as it paints, 0.3 % of 6000×8.*\n.*size=1024"):
        Pipeline(Broad())(large(6000), large(3000))
    with pytest.warns(UserWarning, match=r"2000×8, 10 times the style's 200"):
        Pipeline(Broad())(large(2000), large(200))


def test_others_are_not():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        Pipeline(Broad())(large(2000), large(1000))
        Pipeline(Broad())(large(6000), large(3000), size=1024)
        Pipeline(Broad())(large(1000), large(100))


def test_a_print_of_few_pixels_is_pointed_out():
    with pytest.warns(UserWarning, match=r"96 pixels are 6 to the inch.*\n.*at most 2 cm"):
        Pipeline(Broad())(PHOTO, STYLE, print="40cm")
