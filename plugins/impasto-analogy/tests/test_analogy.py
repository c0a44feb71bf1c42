"""Deep image analogy: the identity, matches that keep to their regions, and what the stage promises."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

import impasto
from impasto import ParameterError, StageError, Style
from impasto.testing import parametrize_checks
from impasto_analogy import (
    LEVEL_2,
    AnalogyByExample,
    DeepAnalogy,
    NeuralColor,
    color_transfer,
    deep_analogy,
    fields,
    neural_color,
)
from impasto_analogy.deconvolution import deconvolution


@parametrize_checks(
    AnalogyByExample(),
    DeepAnalogy(iterations=1, steps=1, size=64),
    NeuralColor(size=64),
)
def test_analogy(stage, check):
    check(stage)


def places(height: int, width: int) -> Tensor:
    """Every position's own row and column, (1, 2, H, W)."""
    rows, columns = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    return torch.stack([rows, columns])[None]


def halves(height: int, width: int, edge: float = 0.5) -> Tensor:
    """Guides (1, 2, H, W) for the left and the right part of a picture."""
    left = (torch.arange(width) < edge * width).float().expand(height, width)
    return torch.stack([left, 1 - left])[None]


# ---------------------------------------------------------------------------------------------------- matches


@pytest.mark.parametrize("name", ["cat", "astronaut"])
def test_a_picture_matches_itself_place_by_place_and_stays_as_it_is(name):
    picture = impasto.samples.content(name, 160)
    found = deep_analogy(picture, picture.clone())
    for field in (found.forward, found.backward):
        same = (field.positions[:, 0] == places(*picture.shape[-2:])).all(1)
        assert same.float().mean() >= 0.99
    for painted in (found.a_prime, found.b):
        assert (painted - picture).abs().max() < 0.5 / 255
    assert found.inconsistency().mean() < 0.1


def test_what_two_cuttings_of_a_picture_share_is_matched():
    whole = impasto.samples.content("cat", 208)
    left, right = whole[..., :128, :160], whole[..., :128, 48:]
    found = deep_analogy(left, right)
    shifted = places(128, 160) - torch.tensor([0, 48]).view(1, 2, 1, 1)
    off = (found.forward.positions[:, 0] - shifted).float().square().sum(1).sqrt()
    # Where both show the same, well inside: at a border the deep layers see other things.
    assert (off[..., 32:96, 80:128] < 2).float().mean() > 0.9


def test_the_picture_is_made_of_the_styles_own_colours():
    cat, wave = impasto.samples.content("cat", 96), impasto.samples.style("mosaic", 96)
    found = deep_analogy(cat, wave)
    assert found.a_prime.shape == cat.shape
    assert found.b.shape == wave.shape
    for channel in range(3):
        low, high = wave[:, channel].aminmax()
        assert low - 1e-5 <= found.a_prime[:, channel].min()
        assert found.a_prime[:, channel].max() <= high + 1e-5


def test_larger_pictures_are_refined_at_their_own_size():
    cat = impasto.samples.content("cat", 160)
    told = []
    found = deep_analogy(cat, cat.clone(), size=80, report=lambda step, steps, now: told.append((step, steps, now)))
    assert [(step, steps) for step, steps, _ in told] == [(step, 6) for step in range(1, 7)]
    assert found.forward.positions.shape[-2:] == cat.shape[-2:]
    same = (found.forward.positions[:, 0] == places(*cat.shape[-2:])).all(1)
    assert same.float().mean() >= 0.99


def test_regions_are_matched_with_like_regions_alone():
    cat, coffee = impasto.samples.content("cat", 128), impasto.samples.content("coffee", 128)
    mine, theirs = halves(*cat.shape[-2:], 0.5), halves(*coffee.shape[-2:], 0.3)
    found = deep_analogy(cat, coffee, guides=(mine, theirs))
    for field, query, source in ((found.forward, mine, theirs), (found.backward, theirs, mine)):
        rows, columns = field.positions[0, 0]
        assert (query[0].argmax(0) == source[0].argmax(0)[rows, columns]).float().mean() >= 0.99


def test_a_region_of_a_few_pixels_is_not_lost_at_the_coarse_layers():
    coarse = fields.coarse_guides(thin := halves(64, 64, 1 / 32), (4, 4))
    assert set(coarse.argmax(1).flatten().tolist()) == {0, 1}
    assert thin.sum() == 64 * 64


def test_a_region_that_only_the_second_picture_has_is_free():
    cat = impasto.samples.content("cat", 64)
    mine, theirs = halves(*cat.shape[-2:], 1.0), halves(*cat.shape[-2:], 0.5)
    found = deep_analogy(cat, cat.clone(), guides=(mine, theirs))
    assert (found.forward.positions[:, 0, 1] < 0.5 * cat.shape[-1]).all()


# ---------------------------------------------------------------------------------------------- deconvolution


def test_what_lies_between_two_layers_is_what_the_encoder_does():
    encoder = impasto.encoder("slim19")
    features = encoder.features(impasto.samples.content("cat", 96), ["relu3_1", "relu4_1"])
    again = encoder.deeper(features["relu3_1"], "relu3_1", "relu4_1")
    assert torch.allclose(again, features["relu4_1"], atol=1e-5)


def test_deconvolution_finds_features_that_give_the_deeper_ones():
    encoder = impasto.encoder("slim19")
    layers = ["relu3_1", "relu4_1"]
    wanted = encoder.features(impasto.samples.content("cat", 96), layers)
    start = encoder.features(impasto.samples.content("coffee", 96), layers)["relu3_1"]
    start = torch.nn.functional.interpolate(start, wanted["relu3_1"].shape[-2:])

    def deeper(features):
        return encoder.deeper(features, *layers)

    errors = [
        float((deeper(found) - wanted["relu4_1"]).square().mean())
        for found in (deconvolution(wanted["relu4_1"], start, deeper, steps) for steps in (0, 20))
    ]
    assert errors[1] < 0.5 * errors[0]


def test_right_features_stay_as_they_are():
    encoder = impasto.encoder("slim19")
    layers = ["relu2_1", "relu3_1"]
    features = encoder.features(impasto.samples.content("cat", 96), layers)
    again = deconvolution(features["relu3_1"], features["relu2_1"], lambda x: encoder.deeper(x, *layers), 10)
    assert torch.allclose(again, features["relu2_1"], atol=1e-4)


def test_own_features_count_where_they_respond():
    own = torch.tensor([[[[1.0, 0.1]]]])
    blended = fields.weighted_features(own, torch.full_like(own, 3.0), 0.5)
    assert blended.flatten().tolist() == [2.0, 3.0]


# -------------------------------------------------------------------------------------------------- the stage


def test_photo_to_photo_keeps_the_contents_detail():
    cat, coffee = impasto.samples.content("cat", 96), impasto.samples.content("coffee", 96)

    def detail(picture: Tensor) -> Tensor:
        return (picture - impasto.functional.box_mean(picture, 2)).flatten()

    shown = {
        task: impasto.Pipeline(DeepAnalogy(task=task, iterations=1))(cat, coffee, precision="float32").tensor
        for task in ("photo-to-style", "photo-to-photo")
    }
    likeness = {
        task: torch.corrcoef(torch.stack([detail(cat), detail(picture)]))[0, 1] for task, picture in shown.items()
    }
    assert likeness["photo-to-photo"] > 0.3
    assert likeness["photo-to-style"] < 0.15


def test_colours_that_a_painting_left_alone_stay():
    cat = impasto.samples.content("cat", 64)
    assert torch.allclose(color_transfer(cat, cat), cat, atol=1e-5)
    assert torch.allclose(color_transfer(cat, cat + 0.1), cat + 0.1, atol=1e-4)


def test_each_region_can_have_its_own_style():
    cat = impasto.samples.content("cat", 96)
    red, blue = (torch.tensor(color).view(1, 3, 1, 1).expand(1, 3, 64, 64) for color in ((1.0, 0, 0), (0, 0, 1.0)))
    left = halves(*cat.shape[-2:])[:, :1]
    pipe = impasto.Pipeline(DeepAnalogy(iterations=1))
    styles = [Style(red.clone(), region="left"), Style(blue.clone(), region="rest")]
    picture = pipe(cat, styles, guides={"left": left}).tensor
    middle = cat.shape[-1] // 2
    assert picture[:, 0, :, : middle - 1].min() > 0.99
    assert picture[:, 2, :, middle + 1 :].min() > 0.99


def test_two_styles_for_one_place_are_refused_with_advice():
    cat = impasto.samples.content("cat", 64)
    styles = [Style(impasto.samples.style(name, 64), weight=0.5) for name in ("mosaic", "impasto")]
    with pytest.raises(StageError, match=r"two of them cover the same place(.|\n)*one for each region"):
        impasto.Pipeline(DeepAnalogy())(cat, styles)


def test_a_style_without_weight_is_left_out():
    cat = impasto.samples.content("cat", 64)
    styles = [Style(cat), Style(impasto.samples.style("mosaic", 64), weight=0)]
    picture = impasto.Pipeline(DeepAnalogy(iterations=1))(cat, styles, precision="float32").tensor
    assert (picture - cat).abs().max() < 1e-2


def test_a_label_that_the_style_lacks_is_pointed_out_and_stays():
    cat, coffee = impasto.samples.content("cat", 64), impasto.samples.content("coffee", 64)
    left = halves(*cat.shape[-2:])[:, :1]
    other = Style(coffee, guides=torch.ones(1, 1, *coffee.shape[-2:]), labels=("left",))
    pipe = impasto.Pipeline(DeepAnalogy(iterations=1))
    with pytest.warns(UserWarning, match="no style covers the region 'rest'"):
        picture = pipe(cat, other, guides={"left": left}, precision="float32").tensor
    outside = (left == 0).expand_as(cat)
    assert torch.equal(picture[outside], cat[outside])
    assert not torch.equal(picture, cat)


def test_a_style_smaller_than_the_deepest_layer_is_refused():
    with pytest.raises(StageError, match=r"the style is 40×9 pixels(.|\n)*at least 16"):
        impasto.Pipeline(DeepAnalogy())(impasto.samples.content("cat", 64), torch.rand(1, 3, 9, 40))


def test_a_long_strip_is_painted():
    strip = torch.rand(1, 3, 24, 600, generator=torch.Generator().manual_seed(3))
    picture = impasto.Pipeline(DeepAnalogy(iterations=1, steps=1, size=100))(strip, impasto.samples.style("mosaic", 64))
    assert picture.tensor.shape == strip.shape


def test_the_weights_of_another_number_of_layers_are_refused():
    with pytest.raises(ParameterError, match="blend has 2 entries"):
        DeepAnalogy(blend=(0.5, 0.5))
    with pytest.raises(ValueError, match=r"there are 1 weights: 0\.5"):
        deep_analogy(*[torch.rand(1, 3, 32, 32)] * 2, weights=(0.5,))
    assert DeepAnalogy(blend=LEVEL_2).blend == LEVEL_2


def test_each_layer_is_reported_with_how_well_the_fields_agree():
    told = []

    class Watch:
        @impasto.hookimpl
        def impasto_step(self, stage, step, steps, image, losses):
            told.append((step, steps, image.shape, {name: float(loss) for name, loss in losses.items()}))

    cat = impasto.samples.content("cat", 64)
    impasto.Pipeline(DeepAnalogy(iterations=1))(cat, cat.clone(), plugins=[Watch()], precision="float32")
    assert [step for step, *_ in told] == [1, 2, 3, 4, 5]
    assert {steps for _, steps, *_ in told} == {5}
    assert all(shape == cat.shape for _, _, shape, _ in told)
    assert told[-1][3]["inconsistency"] < 0.5


# ---------------------------------------------------------------------------------------------- neural colours


def test_colours_come_from_the_places_that_mean_the_same():
    # The same cat, its left half tinted red and its right half blue: colours are known place by place.
    cat = impasto.samples.content("cat", 160)
    tint = halves(*cat.shape[-2:])
    other = cat * 0.6
    other[:, 0] += 0.3 * tint[:, 0]
    other[:, 2] += 0.3 * tint[:, 1]
    painted = neural_color(cat, other)
    assert (painted - other).abs().mean() < 0.25 * (cat - other).abs().mean()


def test_a_picture_keeps_its_own_colours():
    cat = impasto.samples.content("cat", 96)
    assert (neural_color(cat, cat.clone()) - cat).abs().max() < 1e-3


def test_recoloured_pictures_keep_their_size_when_matched_smaller():
    cat, coffee = impasto.samples.content("cat", 160), impasto.samples.content("coffee", 120)
    small, whole = (neural_color(cat, coffee, size=size) for size in (80, 448))
    assert small.shape == whole.shape == cat.shape


def test_the_stage_takes_pictures_larger_than_they_are_matched():
    cat, coffee = impasto.samples.content("cat", 96), impasto.samples.content("coffee", 64)
    assert impasto.Pipeline(NeuralColor(size=64))(cat, coffee).tensor.shape == cat.shape
