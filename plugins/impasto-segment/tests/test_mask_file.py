"""Masks and label pictures from files, as people's programs write them."""

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw

import impasto
from impasto.pipeline import read_mask
from impasto.stage import Canvas, Style
from impasto_segment import MaskFile

HEIGHT, WIDTH = 64, 96
SKY, SEA, SUN = "#2060ff", "#008060", "#ffd000"
NAMED = (f"sky={SKY}", f"sea={SEA}", f"sun={SUN}")


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def canvas():
    content = impasto.samples.content("cat", WIDTH)
    assert content.shape[-2:] == (HEIGHT, WIDTH)
    return Canvas(content, content, (Style(impasto.samples.style("wave", (48, 40))),))


def landscape(scale=1, smooth=1, size=(WIDTH, HEIGHT), colours=(SKY, SEA, SUN)):
    """Sky over sea with a sun: label colours, antialiased if `smooth` is above 1."""
    unit = scale * smooth
    width, height = (side * unit for side in size)
    picture = Image.new("RGB", (width, height), colours[0])
    draw = ImageDraw.Draw(picture)
    draw.polygon([(0, height), (0, height // 2), (width, height // 2 + 9 * unit), (width, height)], colours[1])
    draw.ellipse((width // 2, 5 * unit, width // 2 + 20 * unit, 25 * unit), colours[2])
    return picture.resize((width // smooth, height // smooth), Image.Resampling.LANCZOS) if smooth > 1 else picture


def names_of(picture):
    """The label of each pixel of a clean label picture, from its colours."""
    packed = np.asarray(picture).astype(int) @ (65536, 256, 1)
    return {name: packed == int(colour[1:], 16) for name, colour in (("sky", SKY), ("sea", SEA), ("sun", SUN))}


# ------------------------------------------------------------------------------------------------------- masks


def test_a_grey_picture_is_a_soft_mask(canvas):
    ramp = np.tile(np.linspace(0, 255, WIDTH).round().astype(np.uint8), (HEIGHT, 1))
    Image.fromarray(ramp).save("mask.png")
    found = MaskFile(path="mask.png").apply(canvas)
    np.testing.assert_allclose(found.mask[0, 0].numpy(), ramp / 255, atol=1e-7)
    assert found.guides is None


@pytest.mark.parametrize("mode", ["1", "P", "RGB", "LA", "I;16"])
def test_the_same_mask_in_other_modes(canvas, mode):
    disc = np.hypot(np.arange(HEIGHT)[:, None] - 30, np.arange(WIDTH) - 40) < 20
    grey = Image.fromarray(disc.astype(np.uint8) * 255)
    if mode == "I;16":
        Image.fromarray(disc.astype(np.uint16) * 65535).save("mask.png")
    elif mode == "LA":  # white paint on a transparent layer
        Image.merge("LA", [Image.new("L", grey.size, 255), grey]).save("mask.png")
    else:
        grey.convert(mode).save("mask.png")
    found = MaskFile(path="mask.png").apply(canvas)
    np.testing.assert_array_equal(found.mask[0, 0].numpy(), disc)


def test_the_alpha_of_a_cut_out_photograph_is_its_mask(canvas):
    alpha = np.zeros((HEIGHT, WIDTH), np.uint8)
    alpha[10:40, 20:50] = 255
    photograph = np.random.default_rng(0).integers(0, 256, (HEIGHT, WIDTH, 3), dtype=np.uint8)
    Image.fromarray(np.dstack([photograph, alpha])).save("cut.png")
    np.testing.assert_array_equal(MaskFile(path="cut.png").apply(canvas).mask[0, 0].numpy(), alpha / 255)
    Image.fromarray(photograph).save("whole.png")
    with pytest.raises(impasto.StageError, match=r"'whole.png' has no alpha channel\n.*use='grey'"):
        MaskFile(path="whole.png", use="alpha").apply(canvas)


def test_the_black_of_a_jpeg_mask_is_black(canvas):
    disc = np.hypot(np.arange(HEIGHT)[:, None] - 30, np.arange(WIDTH) - 40) < 20
    Image.fromarray(disc.astype(np.uint8) * 255).save("mask.jpg", quality=75)
    assert len(np.unique(Image.open("mask.jpg"))) > 20
    found = MaskFile(path="mask.jpg").apply(canvas).mask[0, 0].numpy()
    assert (found[~disc] == 0).mean() > 0.95
    assert (found[disc] == 1).mean() > 0.9


DISC = np.hypot(np.arange(HEIGHT)[:, None] - 30, np.arange(WIDTH) - 40) < 20


@pytest.mark.parametrize(
    ("file", "pixels"),
    [
        ("bits.png", DISC),
        ("grey.png", DISC.astype(np.uint8) * 255),
        ("deep.png", DISC.astype(np.uint16) * 65535),
        ("mask.jpg", DISC.astype(np.uint8) * 255),
        ("alpha.png", np.dstack([np.full((HEIGHT, WIDTH, 3), 255), DISC * 255]).astype(np.uint8)),
        ("ones.png", DISC.astype(np.uint8)),
        ("labels.png", DISC.astype(np.uint8) + 1),
        ("deep_bytes.png", DISC.astype(np.uint16) * 255),
        ("faint_alpha.png", np.dstack([np.full((HEIGHT, WIDTH, 3), 255), DISC]).astype(np.uint8)),
    ],
)
def test_a_run_and_mask_file_read_a_file_alike(canvas, file, pixels):
    Image.fromarray(pixels).save(file)
    try:
        expected = read_mask(file, canvas.content)
    except ValueError:
        with pytest.raises(impasto.StageError, match=r"'.*' has the values .* hardly a mask"):
            MaskFile(path=file).apply(canvas)
    else:
        assert torch.equal(MaskFile(path=file).apply(canvas).mask, expected)


@pytest.mark.parametrize("scale", [3, 1 / 3])
def test_masks_and_labels_of_another_scale_are_resized(canvas, scale):
    size = (round(WIDTH * scale), round(HEIGHT * scale))
    picture = landscape().resize(size, Image.Resampling.NEAREST)
    picture.save("labels.png")
    truth = names_of(landscape())
    found = MaskFile(path="labels.png", labels=NAMED).apply(canvas)
    assert set(np.unique(found.guides)) == {0, 1}  # by the nearest pixel: no mixtures
    for name, region in zip(found.labels, found.guides[0].numpy(), strict=True):
        assert (region == truth[name]).mean() > 0.97
    Image.fromarray(truth["sun"].astype(np.uint8) * 255).resize(size).save("mask.png")
    soft = MaskFile(path="mask.png").apply(canvas).mask[0, 0].numpy()
    assert np.abs(soft - truth["sun"]).mean() < 0.03


# ------------------------------------------------------------------------------------------------------- labels


def test_label_colours_become_guides_with_names(canvas):
    landscape().save("labels.png")
    found = MaskFile(path="labels.png", labels=NAMED).apply(canvas)
    assert found.labels == ("sky", "sea", "sun")
    assert found.mask is None
    for name, region in names_of(landscape()).items():
        np.testing.assert_array_equal(found.guides[0, found.labels.index(name)].numpy(), region)


def test_labels_without_names_are_called_by_their_colour(canvas):
    landscape().save("labels.png")
    found = MaskFile(path="labels.png").apply(canvas)
    assert set(found.labels) == {SKY, SEA, SUN}


@pytest.mark.parametrize("named", [True, False], ids=["named", "by colour"])
@pytest.mark.parametrize(
    ("file", "smooth", "options"),
    [("smooth.png", 4, {}), ("fine.jpg", 1, {"quality": 92}), ("coarse.jpg", 4, {"quality": 60})],
)
def test_antialiased_and_jpeg_labels_behave(canvas, file, smooth, options, named):
    landscape(scale=4, smooth=smooth).save(file, **options)
    found = MaskFile(path=file, labels=NAMED if named else ()).apply(canvas)
    assert len(found.labels) == 3
    assert torch.equal(found.guides.sum(1), torch.ones(1, HEIGHT, WIDTH))
    truth = sorted(region.mean() for region in names_of(landscape()).values())
    np.testing.assert_allclose(sorted(found.guides.mean((0, 2, 3)).tolist()), truth, atol=0.015)


@pytest.mark.parametrize("form", ["JPEG", "MPO"])
def test_grey_labels_of_a_jpeg_behave_also_where_a_telephone_made_it(canvas, form):
    numbers = np.kron(np.where(DISC, 200, 80).astype(np.uint8), np.ones((4, 4), np.uint8))
    gain_map = [Image.new("L", (8, 8))]
    more = {"save_all": True, "append_images": gain_map} if form == "MPO" else {}
    Image.fromarray(numbers).save("labels.jpg", form, quality=60, **more)
    assert impasto.read("labels.jpg").meta.format == form
    found = MaskFile(path="labels.jpg", labels=("disc=200", "rest=80")).apply(canvas)
    assert float(found.guides[0, found.labels.index("disc")].mean()) == pytest.approx(DISC.mean(), abs=0.01)


def test_an_edge_that_mixes_two_labels_to_a_third_makes_no_false_line(canvas):
    colours = ("#000000", "#fefefe", "#7f7f7f")
    picture = landscape(scale=4, smooth=4, colours=colours)
    picture.save("labels.png")
    found = MaskFile(path="labels.png", labels=tuple(f"{n}={c}" for n, c in zip("abc", colours, strict=True)))
    sizes = dict(zip(*(lambda c: (c.labels, c.guides.mean((0, 2, 3)).tolist()))(found.apply(canvas)), strict=True))
    assert sizes["c"] == pytest.approx(names_of(landscape())["sun"].mean(), abs=0.01)


@pytest.mark.parametrize("mode", ["L", "P", "I;16"])
def test_labels_by_number(canvas, mode):
    numbers = np.zeros((HEIGHT, WIDTH), np.uint8)
    numbers[20:], numbers[50:] = 3, 4
    if mode == "I;16":
        numbers = numbers.astype(np.uint16) * 100
    picture = Image.fromarray(numbers)
    if mode == "P":
        picture.putpalette([128, 0, 0, 0, 128, 0, 9, 9, 9, 0, 0, 128, 0, 3, 128])
    picture.save("numbers.png")
    unit = 100 if mode == "I;16" else 1
    found = MaskFile(path="numbers.png", labels=("sky=0", f"sea={3 * unit}", f"sand={4 * unit}")).apply(canvas)
    assert found.labels == ("sky", "sea", "sand")
    assert found.guides[0, :, :, 0].sum(1).tolist() == [20, 30, 14]
    plain = MaskFile(path="numbers.png", use="labels").apply(canvas)
    assert set(plain.labels) == {"0", str(3 * unit), str(4 * unit)}
    with pytest.raises(impasto.StageError, match=rf"(?s)colours that no label names.*found there: {4 * unit} \(100"):
        MaskFile(path="numbers.png", labels=("sky=0", f"sea={3 * unit}")).apply(canvas)


def test_a_label_of_one_pixel_is_kept(canvas):
    picture = landscape()
    picture.putpixel((5, 5), (255, 208, 0))
    ImageDraw.Draw(picture).ellipse((48, 5, 68, 25), SKY)  # no other sun
    picture.save("labels.png")
    found = MaskFile(path="labels.png", labels=NAMED).apply(canvas)
    assert found.guides[0, found.labels.index("sun")].sum() == 1


def test_one_label_is_painted_and_the_mask_can_grow_from_there(canvas):
    landscape().save("labels.png")
    found = MaskFile(path="labels.png", labels=NAMED, paint=("sun",)).apply(canvas)
    np.testing.assert_array_equal(found.mask[0, 0].numpy(), names_of(landscape())["sun"])
    assert found.labels == ("sun",)
    assert found.guides.min() == 1  # wherever a mask that is grown comes, it finds the region
    both = MaskFile(path="labels.png", labels=NAMED, paint=("sun", "sea")).apply(canvas)
    assert both.labels == ("sea", "sun")
    assert torch.equal(both.guides.sum(1), torch.ones(1, HEIGHT, WIDTH))
    rest = MaskFile(path="labels.png", labels=(NAMED[2], "rest=*"), paint=("sun",)).apply(canvas)
    assert torch.equal(rest.mask, found.mask)


def test_transparent_parts_of_a_label_picture_are_not_painted(canvas):
    picture = landscape().convert("RGBA")
    picture.paste((0, 0, 0, 0), (0, 0, WIDTH, 4))
    picture.save("labels.png")
    found = MaskFile(path="labels.png", labels=NAMED).apply(canvas)
    assert not found.mask[..., :4, :].any()
    assert found.mask[..., 4:, :].all()
    Image.new("RGBA", (WIDTH, HEIGHT)).save("nothing.png")
    with pytest.raises(impasto.StageError, match=r"'nothing.png' is transparent everywhere"):
        MaskFile(path="nothing.png", use="labels").apply(canvas)


def test_a_batch_shares_the_file(canvas):
    landscape().save("labels.png")
    content = canvas.content.expand(2, -1, -1, -1)
    found = MaskFile(path="labels.png", paint=(SUN,)).apply(Canvas(content, content))
    assert found.mask.shape == (1, 1, HEIGHT, WIDTH)


# ------------------------------------------------------------------------------------------------------- styles


def test_label_pictures_of_the_styles_correspond(canvas):
    landscape().save("photo-labels.png")
    landscape(size=(40, 48)).save("style-labels.png")
    found = MaskFile(path="photo-labels.png", styles=("style-labels.png",), labels=NAMED).apply(canvas)
    (style,) = found.styles
    assert style.labels == found.labels == ("sky", "sea", "sun")
    truth = names_of(landscape(size=(40, 48)))
    for name, region in zip(style.labels, style.guides[0].numpy(), strict=True):
        np.testing.assert_array_equal(region, truth[name])


def test_colours_correspond_though_a_jpeg_shifts_them(canvas):
    landscape().save("photo-labels.png")
    landscape(size=(40, 48), scale=8).save("style-labels.jpg", quality=85)
    found = MaskFile(path="photo-labels.png", styles=("style-labels.jpg",)).apply(canvas)
    assert set(found.styles[0].labels) == {SKY, SEA, SUN}


def test_a_label_without_a_style_stays_unpainted_with_a_warning(canvas):
    landscape().save("photo-labels.png")
    landscape(size=(40, 48), colours=(SKY, SEA, SEA)).save("style-labels.png")
    stage = MaskFile(path="photo-labels.png", styles=("style-labels.png",), labels=NAMED)
    says = (
        "'photo-labels.png' has 'sky', 'sea', 'sun', and 'style-labels.png' 'sea', 'sky'\n"
        "  'sun' of the content has no style and stays as it is"
    )
    with pytest.warns(UserWarning, match=says) as caught:
        found = stage.apply(canvas)
    assert len(caught) == 1
    np.testing.assert_array_equal(found.mask[0, 0].numpy() == 0, names_of(landscape())["sun"])
    assert found.styles[0].labels == found.labels == ("sky", "sea")


def test_a_label_that_only_the_style_has_is_pointed_out(canvas):
    landscape(colours=(SKY, SEA, SEA)).save("photo-labels.png")
    landscape(size=(40, 48)).save("style-labels.png")
    with pytest.warns(UserWarning, match=r"'sun' of the style is not used"):
        found = MaskFile(path="photo-labels.png", styles=("style-labels.png",), labels=NAMED).apply(canvas)
    assert found.mask is None
    assert found.styles[0].labels == found.labels == ("sky", "sea")


def test_labels_on_no_common_side_are_an_error_and_match_regions_a_way_out(canvas):
    landscape(colours=(SKY, SKY, SKY)).save("photo-labels.png")
    landscape(size=(40, 48), colours=(SEA, SEA, SEA)).save("style-labels.png")
    stage = {"path": "photo-labels.png", "styles": ("style-labels.png",), "labels": NAMED[:2]}
    says = "'photo-labels.png' has 'sky', and 'style-labels.png' 'sea': no label is on both sides\n.*match-regions"
    with pytest.raises(impasto.StageError, match=says):
        MaskFile(**stage).apply(canvas)
    found = MaskFile(**stage, pair=False).apply(canvas)
    assert (found.labels, found.styles[0].labels) == (("sky",), ("sea",))


def test_a_style_without_a_label_picture_covers_every_region(canvas):
    landscape().save("photo-labels.png")
    landscape(size=(40, 48), colours=(SKY, SKY, SKY)).save("style-labels.png")
    two = canvas.replace(styles=canvas.styles * 2)
    found = MaskFile(path="photo-labels.png", styles=("style-labels.png", ""), labels=NAMED).apply(two)
    assert found.labels == ("sky", "sea", "sun")
    assert found.styles[1].guides is None
    with pytest.raises(impasto.StageError, match=r"1 label pictures for styles .* and 2 style pictures"):
        MaskFile(path="photo-labels.png", styles=("style-labels.png",)).apply(two)


# ------------------------------------------------------------------------------------------------------- errors


def test_a_wrong_path_is_an_error_that_suggests_the_right_one(canvas):
    landscape().save("labels.png")
    with pytest.raises(
        impasto.StageError, match=r"mask-file, for the content: label.png: there is no such file\n  did you mean 'lab"
    ):
        MaskFile(path="label.png").apply(canvas)
    with pytest.raises(impasto.StageError, match=r"mask-file, for the style: nowhere.png: there is no such file"):
        MaskFile(path="labels.png", styles=("nowhere.png",)).apply(canvas)
    with pytest.raises(impasto.ParameterError, match=r"label.png: there is no such file"):
        impasto.Pipeline(MaskFile(path="label.png"))(canvas.content)


def test_a_file_that_is_no_picture_is_an_error(canvas, tmp_path):
    (tmp_path / "mask.png").write_bytes(b"not a picture at all")
    with pytest.raises(impasto.StageError, match=r"mask.png: is not a picture that can be read"):
        MaskFile(path="mask.png").apply(canvas)


@pytest.mark.parametrize(("size", "turned"), [((96, 96), False), ((64, 96), True)])
def test_another_aspect_is_an_error_that_names_the_file(canvas, size, turned):
    Image.new("L", size, 255).save("mask.png")
    says = rf"'mask.png' is {size[0]}×{size[1]} pixels and the content 96×64, of another aspect"
    with pytest.raises(impasto.StageError, match=says) as error:
        MaskFile(path="mask.png").apply(canvas)
    assert ("turned by 90° it would fit" in str(error.value)) is turned
    assert "any scale of 96×64" in str(error.value)


def test_an_empty_mask_is_an_error_and_a_white_one_paints_all(canvas):
    Image.new("L", (WIDTH, HEIGHT), 0).save("black.png")
    with pytest.raises(impasto.StageError, match=r"the mask of 'black.png' selects nothing"):
        MaskFile(path="black.png").apply(canvas)
    Image.new("L", (WIDTH, HEIGHT), 255).save("white.png")
    assert MaskFile(path="white.png").apply(canvas).mask.min() == 1


def test_colours_that_no_label_names_are_an_error_with_their_shares(canvas):
    landscape().save("labels.png")
    with pytest.raises(impasto.StageError) as error:
        MaskFile(path="labels.png", labels=NAMED[:1]).apply(canvas)
    said = str(error.value)
    assert "'labels.png' has colours that no label names" in said
    assert f"{SEA} (8" in said
    assert f"labels: sky={SKY}" in said
    assert f"'another={SEA}', or 'rest=*'" in said


def test_a_photograph_is_not_taken_for_labels(canvas):
    impasto.read(impasto.samples.content("coffee", 300)).save("photo.png")
    content = impasto.samples.content("coffee", 300)
    with pytest.raises(impasto.StageError, match=r"'photo.png' has .*, so it is no label picture"):
        MaskFile(path="photo.png").apply(Canvas(content, content))


def test_unknown_labels_are_errors(canvas):
    landscape().save("labels.png")
    with pytest.raises(
        impasto.ParameterError, match=r"paint names 'sin', which labels does not\n.*\n  did you mean 'sun"
    ):
        MaskFile(path="labels.png", labels=NAMED, paint=("sin",))
    with pytest.raises(
        impasto.StageError, match=f"'labels.png' has no 'sun', which is to be painted\n  found: '{SKY}'"
    ):
        MaskFile(path="labels.png", paint=("sun",)).apply(canvas)
    with pytest.warns(UserWarning, match=r"no pixel of 'labels.png' is labelled 'snow'\n  found: 'sky', 'sea', 'sun'"):
        MaskFile(path="labels.png", labels=(*NAMED, "snow=#ffffff")).apply(canvas)
    with pytest.raises(impasto.StageError, match=r"the label 'sky' is number 3, but 'labels.png' has colours"):
        MaskFile(path="labels.png", labels=("sky=3",)).apply(canvas)


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"labels": ("sky",)}, "the label 'sky' does not say what colour it has"),
        ({"labels": ("sky=bleu",)}, "the label 'sky=bleu' does not say what colour"),
        ({"labels": ("sky=#0000ff", "sea=blue")}, "has the name or the colour of another one"),
        ({"use": "grey", "paint": ("sky",)}, "reads a mask without labels, but labels are asked for"),
    ],
)
def test_parameters_that_make_no_sense_are_refused(values, says):
    with pytest.raises(impasto.ParameterError, match=says):
        MaskFile(path="labels.png", **values)


def test_a_label_that_vanishes_at_the_contents_size_is_pointed_out(canvas):
    picture = landscape(scale=4)
    ImageDraw.Draw(picture).ellipse((0, 0, WIDTH * 4, 120), SKY)
    picture.putpixel((5, 5), (255, 208, 0))
    picture.save("labels.png")
    with pytest.warns(UserWarning, match="'sun' of 'labels.png' vanishes when it is resized to 96×64 pixels") as caught:
        found = MaskFile(path="labels.png", labels=NAMED).apply(canvas)
    assert len(caught) == 1
    assert found.labels == ("sky", "sea")
