import itertools

import numpy as np
import pytest
import torch
from PIL import Image

import impasto
from impasto import Canvas, ParameterError, StageError
from impasto.testing import parametrize_checks, picture
from impasto_segment import MaskGrabCut, MaskRandomWalker, SegmentScribbles
from impasto_segment.grabcut import (
    COMPONENTS,
    STEPS,
    edge_costs,
    fit_mixture,
    grabcut,
    minimum_cut,
    neighbour_slices,
    split_colours,
)
from impasto_segment.random_walk import random_walk

BOX = (0.1, 0.1, 0.9, 0.9)
HEIGHT, WIDTH = 37, 53  # the kit's pictures


def strokes(path, size, scale=1, transparent=False):
    """Draw a white stroke in the middle, black ones around and a blue one at the top, at a scale of the picture."""
    height, width = (side * scale for side in size)
    drawn = np.full((height, width, 4), (128, 128, 128, 0 if transparent else 255), np.uint8)
    drawn[height // 3 : 2 * height // 3, width // 2 - scale : width // 2 + scale] = 255
    for rows, columns in (((-2 * scale), slice(None)), (slice(None), 0), (slice(None), -1)):
        drawn[rows, columns] = (0, 0, 0, 255)
    drawn[: 2 * scale] = (0, 0, 255, 255)
    Image.fromarray(drawn).save(path)


@pytest.fixture(autouse=True)
def files(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    strokes("strokes.png", (HEIGHT, WIDTH))


@parametrize_checks(
    MaskGrabCut(box=BOX),
    MaskGrabCut(scribbles="strokes.png"),
    MaskGrabCut(box=BOX, scribbles="strokes.png", rounds=2),
    MaskRandomWalker(scribbles="strokes.png"),
    MaskRandomWalker(scribbles="strokes.png", box=BOX, beta=100.0),
    SegmentScribbles(scribbles="strokes.png", labels=("figure=white", "ground=black", "sky=#0000ff")),
)
def test_conformance(stage, check):
    check(stage)


@pytest.fixture
def disc():
    """A noisy orange disc on noisy grey, 90×120, and where the disc is."""
    return orange_disc(0.1)


@pytest.fixture
def clear_disc():
    """The same with the noise of a photograph: the random walker knows no colours, only edges."""
    return orange_disc(0.03)


def orange_disc(grain):
    inside = torch.hypot(torch.arange(90.0)[:, None] - 44, torch.arange(120.0) - 62) < 30
    image = torch.where(inside, torch.tensor([0.8, 0.5, 0.2])[:, None, None], torch.full((3, 1, 1), 0.45))
    noise = torch.randn(3, 90, 120, generator=torch.Generator().manual_seed(0))
    return (image + grain * noise).clamp(0, 1)[None], inside


def overlap(one, other):
    one, other = (torch.as_tensor(mask).bool().squeeze() for mask in (one, other))
    return float((one & other).sum() / (one | other).sum())


# --------------------------------------------------------------------------------------------------------- cuts


@pytest.mark.parametrize("seed", range(5))
def test_the_minimum_cut_is_the_cheapest_of_all_masks(seed):
    rng = np.random.default_rng(seed)
    gain = rng.normal(size=(3, 3))
    links = [rng.random(gain[neighbour_slices(gain.shape, step)[0]].shape) for step in STEPS]
    inside, free = rng.random((3, 3)) > 0.5, rng.random((3, 3)) > 0.2

    def energy(mask):
        total = gain[~mask].sum()
        for step, link in zip(STEPS, links, strict=True):
            here, there = neighbour_slices(gain.shape, step)
            total += link[mask[here] != mask[there]].sum()
        return total

    masks = [np.array(bits).reshape(3, 3) for bits in itertools.product([False, True], repeat=9)]
    cheapest = min(energy(mask) for mask in masks if (mask == inside)[~free].all())
    found = minimum_cut(gain, links, inside, free)
    assert (found == inside)[~free].all()
    assert energy(found) == pytest.approx(cheapest, abs=0.01)  # capacities are whole thousandths


def test_neighbours_of_one_colour_cost_most_to_part():
    pixels = np.zeros((2, 3, 3))
    pixels[:, 2] = 1
    across, down, *diagonals = edge_costs(pixels)
    assert across[0, 0] == down[0, 0] == pytest.approx(50)
    assert diagonals[0][0, 0] == pytest.approx(50 / np.sqrt(2))
    # β is one over twice the mean square: 4 of the 11 pairs differ, by 3.
    assert across[0, 1] == pytest.approx(50 * np.exp(-11 / (2 * 4 * 3) * 3))


def test_a_mixture_has_the_density_of_its_gaussians():
    rng = np.random.default_rng(0)
    groups = [rng.normal(centre, 0.03, size=(400, 3)) for centre in (0.1, 0.3, 0.9)]
    colours = np.concatenate(groups)
    component = split_colours(colours, 3)
    assert [len(set(component[i * 400 : (i + 1) * 400])) for i in range(3)] == [1, 1, 1]
    mixture = fit_mixture(colours, component)
    point = np.array([0.25, 0.2, 0.3])
    density = 0.0
    for group in groups:
        covariance = np.cov(group.T, bias=True) + (2 / 255) ** 2 * np.eye(3)
        away = point - group.mean(0)
        density += np.exp(-0.5 * away @ np.linalg.inv(covariance) @ away) / np.sqrt(np.linalg.det(covariance)) / 3
    assert mixture.data_cost(point) == pytest.approx(-np.log(density))


def test_a_flat_colour_is_one_component():
    assert set(split_colours(np.full((9, 3), 0.5), COMPONENTS)) == {0}


# ------------------------------------------------------------------------------------------------------- grabcut


def test_grabcut_finds_the_object_in_the_box(disc):
    image, inside = disc
    canvas = MaskGrabCut(box=(0.2, 0.05, 0.85, 0.95)).apply(Canvas(image, image))
    assert canvas.mask.shape == (1, 1, 90, 120)
    assert overlap(canvas.mask, inside) > 0.97


def test_grabcut_follows_the_outline_of_a_picture_larger_than_it_works_at(disc):
    image, _ = disc
    large = torch.nn.functional.interpolate(image, scale_factor=5, mode="bicubic").clamp(0, 1)
    found = MaskGrabCut(box=(0.2, 0.05, 0.85, 0.95)).apply(Canvas(large, large)).mask
    exact = torch.hypot(torch.arange(450.0)[:, None] - 222, torch.arange(600.0) - 312) < 150
    assert overlap(found, exact) > 0.97


def test_grabcut_cuts_a_cup_out_of_a_photograph():
    coffee = impasto.samples.content("coffee", 200)
    mask = MaskGrabCut(box=(0.12, 0.1, 0.85, 0.98)).apply(Canvas(coffee, coffee)).mask[0, 0]
    height, width = mask.shape
    assert mask[int(0.75 * height), int(0.4 * width)] == 1  # the saucer
    assert mask[int(0.5 * height), int(0.05 * width)] == mask[int(0.95 * height), int(0.95 * width)] == 0  # the table


def test_strokes_alone_are_enough(disc):
    image, inside = disc
    strokes("strokes.png", (90, 120))
    found = MaskGrabCut(scribbles="strokes.png").apply(Canvas(image, image)).mask
    assert overlap(found, inside) > 0.97


def test_what_is_stroked_stays_on_its_side(disc):
    image, _ = disc
    drawn = np.full((90, 120, 3), 128, np.uint8)
    drawn[40:48, 58:66] = 0  # a hole that the colours would not leave
    Image.fromarray(drawn).save("hole.png")
    found = MaskGrabCut(box=(0.2, 0.05, 0.85, 0.95), scribbles="hole.png").apply(Canvas(image, image)).mask[0, 0]
    assert not found[40:48, 58:66].any()
    assert found[44, 40] == 1


def test_a_rough_mask_is_drawn_to_the_object(disc):
    image, inside = disc
    rough = torch.zeros(1, 1, 90, 120)
    rough[..., 25:65, 35:80] = 1
    assert overlap(rough, inside) < 0.75
    found = MaskGrabCut().apply(Canvas(image, image, mask=rough)).mask
    assert overlap(found, inside) > 0.97


def test_each_picture_of_a_batch_is_cut_alone(disc):
    image, _ = disc
    both = torch.cat([image, image.flip(3)])
    stage = MaskGrabCut(box=BOX)
    found = stage.apply(Canvas(both, both)).mask
    assert torch.equal(found[:1], stage.apply(Canvas(image, image)).mask)
    assert torch.equal(found[1:], stage.apply(Canvas(image.flip(3), image.flip(3))).mask)


def test_the_mask_that_was_there_still_holds(disc):
    image, _ = disc
    left = torch.zeros(1, 1, 90, 120)
    left[..., :60] = 1
    found = MaskGrabCut(box=BOX).apply(Canvas(image, image, mask=left)).mask
    assert found[..., 30:60].any()
    assert not found[..., 60:].any()


def test_no_object_is_an_error_and_in_one_of_two_a_warning(disc):
    image, _ = disc
    flat = torch.full_like(image, 0.5)
    stage = MaskGrabCut(box=BOX)
    with pytest.raises(StageError, match="found no object"):
        stage.apply(Canvas(flat, flat))
    both = torch.cat([image, flat])
    with pytest.warns(UserWarning, match="no object in picture 2 of 2"):
        found = stage.apply(Canvas(both, both)).mask
    assert found[0].any()
    assert not found[1].any()


def test_it_must_be_told_where():
    image = picture(20, 20)
    with pytest.raises(StageError, match=r"nothing says where the object is(.|\n)*box="):
        MaskGrabCut().apply(Canvas(image, image))
    with pytest.raises(StageError, match="colours outside"):
        MaskGrabCut(box=(0.0, 0.0, 1.0, 1.0)).apply(Canvas(image, image))
    with pytest.raises(StageError, match="holds no pixel"):
        MaskGrabCut(box=(0.5, 0.5, 0.51, 0.51)).apply(Canvas(image, image))


@pytest.mark.parametrize("box", [(0.5, 0.1, 0.4, 0.9), (0.1, 0.2, 0.3), (0.1, 0.9, 0.4, 0.9)])
def test_a_box_that_is_none_is_refused(box):
    with pytest.raises(ParameterError, match="is not a box"):
        MaskGrabCut(box=box)


def test_colours_of_strokes_are_checked():
    with pytest.raises(ParameterError, match=r"'whte' is not a colour"):
        MaskGrabCut(scribbles="strokes.png", foreground="whte")
    with pytest.raises(ParameterError, match="look alike"):
        MaskGrabCut(scribbles="strokes.png", foreground="#ff0000", background="#f00000")


# -------------------------------------------------------------------------------------------------- random walker


def test_the_walk_is_the_harmonic_function_between_the_strokes():
    """On a flat picture the probability on a line falls evenly from one stroke to the other."""
    seeds = np.zeros((3, 9), np.uint8)
    seeds[:, 0], seeds[:, -1] = 1, 2
    found = random_walk(torch.full((3, 3, 9), 0.5), seeds)
    torch.testing.assert_close(found[0], torch.linspace(1, 0, 9).expand(3, 9), atol=2e-2, rtol=0)
    torch.testing.assert_close(found.sum(0), torch.ones(3, 9))


def test_the_walker_stops_at_the_edge(clear_disc):
    image, inside = clear_disc
    strokes("strokes.png", (90, 120))
    found = MaskRandomWalker(scribbles="strokes.png").apply(Canvas(image, image)).mask
    assert overlap(found, inside) > 0.9


@pytest.mark.parametrize("transparent", [False, True])
def test_strokes_may_be_drawn_at_another_scale(clear_disc, transparent):
    image, inside = clear_disc
    strokes("large.png", (90, 120), 3, transparent)
    found = MaskRandomWalker(scribbles="large.png").apply(Canvas(image, image)).mask
    assert overlap(found, inside) > 0.9


def test_a_large_picture_is_walked_small_and_keeps_its_outline(clear_disc):
    image, _ = clear_disc
    large = torch.nn.functional.interpolate(image, scale_factor=6, mode="bicubic").clamp(0, 1)
    strokes("strokes.png", (90, 120))
    found = MaskRandomWalker(scribbles="strokes.png").apply(Canvas(large, large)).mask
    exact = torch.hypot(torch.arange(540.0)[:, None] - 266.5, torch.arange(720.0) - 374.5) < 180
    assert overlap(found, exact) > 0.9


def test_strokes_of_both_kinds_are_needed():
    image = picture(30, 40)
    drawn = np.full((30, 40, 3), 128, np.uint8)
    drawn[10:20, 20] = 255
    Image.fromarray(drawn).save("inside.png")
    with pytest.raises(StageError, match=r"inside\.png has no background stroke, in 'black'"):
        MaskRandomWalker(scribbles="inside.png").apply(Canvas(image, image))
    with pytest.raises(StageError, match=r"inside\.png has no stroke in any of the colours"):
        MaskGrabCut(scribbles="inside.png", foreground="red").apply(Canvas(image, image))
    Image.fromarray(255 - drawn).save("outside.png")
    with pytest.raises(StageError, match=r"no stroke inside the object"):
        MaskRandomWalker(scribbles="outside.png", box=BOX).apply(Canvas(image, image))
    with pytest.raises(ValueError, match="two kinds"):
        random_walk(image[0], np.ones((30, 40), np.uint8))


def test_strokes_of_another_shape_and_missing_files_are_refused():
    image = picture(30, 60)
    with pytest.raises(StageError, match=r"strokes\.png are 53×37 pixels and the content is 60×30"):
        MaskGrabCut(scribbles="strokes.png").apply(Canvas(image, image))
    with pytest.raises((OSError, impasto.PictureError), match=r"nowhere\.png"):
        MaskGrabCut(scribbles="nowhere.png").apply(Canvas(image, image))


# ------------------------------------------------------------------------------------------------- many strokes


def test_each_colour_of_stroke_becomes_a_region(clear_disc):
    image, inside = clear_disc
    strokes("strokes.png", (90, 120))
    stage = SegmentScribbles(scribbles="strokes.png", labels=("figure=white", "ground=black", "sky=#0000ff"))
    found = stage.apply(Canvas(image, image))
    assert found.labels == ("figure", "ground", "sky")
    assert torch.equal(found.guides.sum(1), torch.ones(1, 90, 120))
    assert overlap(found.guides[:, 0], inside) > 0.9
    assert found.guides[0, 2, 0].all()
    assert found.guides[0, 1, -2].all()


def test_a_label_without_a_stroke_is_named():
    image = picture(HEIGHT, WIDTH)
    with pytest.raises(StageError, match=r"strokes\.png has no stroke for 'sea' \(green\)"):
        SegmentScribbles(scribbles="strokes.png", labels=("sky=blue", "sea=green")).apply(Canvas(image, image))
    with pytest.raises(ParameterError, match="does not name two regions"):
        SegmentScribbles(scribbles="strokes.png", labels=("sky=blue",))
    with pytest.raises(ParameterError, match="'blu' is not a colour"):
        SegmentScribbles(scribbles="strokes.png", labels=("sky=blu", "sea=green"))


def test_grabcut_as_a_function(disc):
    image, inside = disc
    known = np.full((90, 120), -1, np.int8)
    known[:, :20] = known[:, 100:] = 0
    assert overlap(grabcut(image[0], known, known < 0), inside) > 0.97
