"""Stages are values that refuse what does not fit; their bases own padding, cropping, masks and checks."""

import dataclasses
from typing import ClassVar, Literal

import numpy as np
import pytest
import torch

import impasto
from impasto.stage import Canvas

PICTURE = torch.linspace(0, 1, 2 * 3 * 10 * 14).reshape(2, 3, 10, 14)
STYLE = impasto.Style(torch.full((1, 3, 8, 9), 0.25))


class Brush(impasto.Stylizer, name="brush"):
    """Paint with every kind of parameter."""

    width: float = impasto.param(default=1.5, low=0, high=10, help="width of the strokes in pixels")
    count: int = impasto.param(default=3, low=1, help="number of strokes")
    wet: bool = impasto.param(default=False, help="whether strokes run")
    hair: str = impasto.param(default="sable", choices=("sable", "hog"), help="what the brush is made of")
    angles: tuple[float, ...] = impasto.param(default=(0.0, 90.0), low=0, high=180, help="degrees")
    size: int | None = impasto.param(default=512, low=16, help="longest side in pixels, or none")
    mode: Literal["thick", "thin"] = impasto.param(default="thick", help="how the paint lies")
    PIGMENTS: ClassVar[int] = 12

    def stylize(self, content, styles, guides):
        return content * 0.5


def canvas(image=PICTURE, **more):
    return Canvas(content=image, image=image, styles=(STYLE,), **more)


def stylizer(paint, **attributes):
    class Made(impasto.Stylizer, name="made"):
        """Paint as told."""

        def stylize(self, content, styles, guides):
            return paint(content)

    for name, value in attributes.items():
        setattr(Made, name, value)
    return Made()


# ------------------------------------------------------------------------------------------- parameters


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ({"width": 2}, 2.0),
        ({"width": np.float32(0.5)}, 0.5),
        ({"width": torch.tensor(0.25)}, 0.25),
        ({"count": 4.0}, 4),
        ({"count": np.int64(7)}, 7),
        ({"wet": True}, True),
        ({"angles": [1, 2.5]}, (1.0, 2.5)),
        ({"size": None}, None),
        ({"size": "none"}, None),
        ({"size": 64}, 64),
        ({"mode": "thin"}, "thin"),
        ({"hair": "hog"}, "hog"),
    ],
)
def test_a_value_that_means_the_same_is_converted(given, kept):
    (name,) = given
    value = getattr(Brush(**given), name)
    assert value == kept
    assert type(value) is type(kept)


@pytest.mark.parametrize(
    ("given", "range"),
    [
        ({"width": 11}, "a number, 0 to 10 (default 1.5)"),
        ({"width": float("nan")}, "a number, 0 to 10"),
        ({"width": "wide"}, "a number, 0 to 10"),
        ({"width": True}, "a number, 0 to 10"),
        ({"count": 0}, "a whole number, 1 or more (default 3)"),
        ({"count": 2.5}, "a whole number, 1 or more"),
        ({"count": float("inf")}, "a whole number, 1 or more"),
        ({"count": float("nan")}, "a whole number, 1 or more"),
        ({"count": None}, "a whole number, 1 or more"),
        ({"wet": 1}, "true or false"),
        ({"wet": "yes"}, "true or false"),
        ({"hair": "nylon"}, "one of 'sable', 'hog'"),
        ({"angles": (0, 181)}, "a list, each a number, 0 to 180"),
        ({"angles": 45}, "a list, each a number"),
        ({"angles": "45"}, "a list, each a number"),
        ({"size": 8}, "a whole number or none, 16 or more"),
        ({"mode": "fat"}, "thick"),
    ],
)
def test_a_value_that_does_not_fit_is_refused_with_the_range(given, range):
    (name, value), *_ = given.items()
    with pytest.raises(impasto.ParameterError) as error:
        Brush(**given)
    first, *rest = str(error.value).splitlines()
    assert first == f"brush: {name} = {value!r} does not fit"
    assert range in rest[0]
    assert Brush.parameters()[name].help in rest[1]


def test_one_entry_in_the_place_of_a_list_is_told_how_to_type_it():
    with pytest.raises(impasto.ParameterError, match=r"what to type: angles=\[45\]"):
        Brush(angles=45)
    with pytest.raises(impasto.ParameterError) as error:
        Brush(angles="steep")
    assert "what to type" not in str(error.value)


def test_a_parameter_without_default_must_be_given():
    class Needy(impasto.Postprocessor, name="needy"):
        """Need a file."""

        file: str = impasto.param(help="the file to take")

    with pytest.raises(impasto.ParameterError, match="needy needs 'file': the file to take"):
        Needy()
    with pytest.raises(impasto.ParameterError, match=r"what would work: text\n"):
        Needy(file=3)
    assert repr(Needy(file="a.pth")) == "Needy(file='a.pth')"


def test_a_stage_is_frozen_compared_by_value_and_printed_as_python():
    brush = Brush(width=2, angles=[45])
    assert brush == Brush(width=2.0, angles=(45.0,))
    assert hash(brush) == hash(Brush(width=2.0, angles=(45.0,)))
    assert brush != Brush()
    assert repr(brush) == "Brush(width=2.0, angles=(45.0,))"
    assert eval(repr(brush)) == brush
    with pytest.raises(dataclasses.FrozenInstanceError):
        brush.width = 3


def test_an_unknown_parameter_is_refused_with_a_suggestion():
    with pytest.raises(impasto.ParameterError) as error:
        Brush(witdh=2)
    assert "brush has no parameter 'witdh'" in str(error.value)
    assert "did you mean 'width'?" in str(error.value)


@pytest.mark.parametrize(
    ("attributes", "advice"),
    [
        ({"style": "none"}, "'required', 'optional', 'ignored'"),
        ({"style": property(lambda self: None)}, "another name for a parameter or method"),
        ({"needs_style": False}, "style = 'optional'"),
        ({"styleless": True}, "style = 'ignored'"),
    ],
)
def test_what_a_stage_does_with_a_style_is_one_of_three_words(attributes, advice):
    with pytest.raises(TypeError, match=advice):
        type("Wash", (impasto.Stylizer,), attributes)


def test_a_field_that_is_not_declared_is_an_error_that_shows_how():
    with pytest.raises(TypeError, match=r"alpha: float = impasto\.param\(default=\.\.\., help='\.\.\.'\)"):

        class Undeclared(impasto.Stylizer, name="undeclared"):
            alpha: "float" = 1.0


@pytest.mark.parametrize("name", ["AdaIN", "ada_in", "-adain", "ada in"])
def test_a_name_that_toml_and_the_shell_would_trip_over_is_refused(name):
    with pytest.raises(TypeError, match="lower-case words joined by '-'"):

        class Misnamed(impasto.Stylizer, name=name):
            """Bear a bad name."""


def test_parameters_and_constants_are_told_apart():
    assert list(Brush.parameters()) == ["strength", "width", "count", "wet", "hair", "angles", "size", "mode"]
    assert Brush.summary() == "Paint with every kind of parameter."
    assert Brush().values()["hair"] == "sable"


def test_parameters_are_inherited():
    class Fan(Brush, name="fan"):
        """Paint with a fan brush."""

        spread: float = impasto.param(default=30, help="degrees between the hairs")

    assert list(Fan.parameters())[-1] == "spread"
    assert Fan(width=3).width == 3
    assert Fan() != Brush()


def test_a_stage_can_check_parameters_against_each_other():
    class Crop(impasto.Preprocessor, name="crop"):
        """Crop the picture."""

        low: float = impasto.param(default=0, help="lower edge")
        high: float = impasto.param(default=1, help="upper edge")

        def check(self):
            if self.low >= self.high:
                raise impasto.ParameterError(f"crop: low = {self.low} is not below high = {self.high}")

    with pytest.raises(impasto.ParameterError, match=r"low = 2\.0 is not below high = 1\.0"):
        Crop(low=2)


@pytest.mark.parametrize(
    ("kind", "method"),
    [
        (impasto.Preprocessor, "prepare(self, canvas)"),
        (impasto.Stylizer, "stylize(self, content, styles, guides)"),
        (impasto.Postprocessor, "refine(self, image, content, styles)"),
        (impasto.Stage, "apply(self, canvas)"),
    ],
)
def test_a_stage_without_its_method_says_which_one_it_lacks(kind, method):
    lacking = type("Lacking", (kind,), {}, name="lacking")()
    with pytest.raises(impasto.StageError) as error:
        impasto.Pipeline(lacking)(PICTURE, PICTURE, device="cpu")
    assert f"Lacking has no method {method.partition('(')[0]}" in str(error.value)
    assert f"what to type: def {method}: ..." in str(error.value)


@pytest.mark.parametrize(
    ("kind", "name", "method"),
    [
        (impasto.Stylizer, "stylize", lambda self, content, styles: content),
        (impasto.Stylizer, "stylize", lambda self, content, styles, guides, strength: content),
        (impasto.Stylizer, "apply", lambda self: None),
        (impasto.Preprocessor, "prepare", lambda self, canvas, mask: canvas),
        (impasto.Postprocessor, "refine", lambda self, image: image),
        (impasto.Postprocessor, "refine", lambda self, *, image, content, styles: image),
        (impasto.Postprocessor, "refine_regions", lambda self, image, content, styles: image),
    ],
)
def test_a_method_with_other_arguments_is_refused_at_the_class(kind, name, method):
    with pytest.raises(TypeError, match=rf"Odd: {name}\(self.* cannot be called with (.|\n)*def {name}\(self, "):
        type("Odd", (kind,), {name: method}, name="odd")


@pytest.mark.parametrize("records", ["decoder.pth", ("decoder.pth",), [], None])
def test_known_weights_that_are_no_records_are_refused_at_the_class(records):
    with pytest.raises(TypeError, match=r"known_weights = .* is no tuple of records"):
        type("Loose", (impasto.Stylizer,), {"known_weights": records}, name="loose")


def test_a_stage_ends_no_program():
    class Quitter(impasto.Postprocessor, name="quitter"):
        """Quit."""

        def refine(self, image, content, styles):
            raise SystemExit("bye")

    with pytest.raises(impasto.StageError, match=r"quitter.*SystemExit: bye"):
        impasto.Pipeline(Quitter())(PICTURE, device="cpu")


def test_a_method_may_take_its_arguments_under_any_name_and_others_with_defaults():
    for method in (lambda self, a, b, c, strength=1: a, lambda self, *all: all[0], staticmethod(lambda a, b, c: a)):
        stage = type("Fine", (impasto.Stylizer,), {"stylize": method}, name="fine")()
        impasto.Pipeline(stage)(PICTURE, PICTURE, device="cpu")
    helper = type("Helper", (impasto.Stylizer,), {"stylize": lambda self, *_: _[0], "refine": lambda self: 3}, name="h")
    assert helper().refine() == 3, "which no run calls of a stylizer"


# ---------------------------------------------------------------------------------------------- canvas


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        (
            {"content": PICTURE[:, :1]},
            ValueError,
            "expected a tensor of shape (B, 3, H, W), found (2, 1, 10, 14)",
        ),
        ({"content": (PICTURE * 255).byte()}, TypeError, "tensor.float() / 255"),
        ({"content": PICTURE.numpy()}, TypeError, "found ndarray"),
        ({"content": PICTURE / 0}, ValueError, "NaN or infinite"),
        ({"image": PICTURE[..., 1:]}, ValueError, "replace both"),
        ({"mask": torch.ones(1, 1, 9, 14)}, ValueError, "to lie over the picture, found (1, 1, 9, 14)"),
        ({"mask": torch.ones(1, 2, 10, 14)}, ValueError, "expected one channel"),
        ({"mask": torch.full((1, 1, 10, 14), 2.0)}, ValueError, "[0, 1]"),
        ({"mask": torch.ones(3, 1, 10, 14)}, ValueError, "expected (1 or 2, channels, 10, 14)"),
        ({"guides": torch.ones(1, 2, 5, 7)}, ValueError, "guides: expected"),
    ],
)
def test_a_canvas_refuses_what_does_not_lie_over_the_picture(changes, error, message):
    with pytest.raises(error) as raised:
        Canvas(**{"content": PICTURE, "image": PICTURE, **changes})
    assert message in str(raised.value)


def test_a_canvas_shows_what_is_painted_and_where_its_regions_are():
    mask = (torch.arange(14) < 7).float().expand(1, 1, 10, 14)
    guides = torch.cat([mask, 1 - mask], dim=1)
    paled = Canvas(PICTURE, PICTURE, mask=mask).picture()
    assert torch.equal(paled[..., :7], PICTURE[:, :, :, :7])
    torch.testing.assert_close(paled[..., 7:], 0.25 * PICTURE[..., 7:] + 0.75)
    tinted = Canvas(PICTURE, PICTURE, guides=guides).picture() - 0.5 * PICTURE
    assert tinted[..., :7].std((0, 2, 3)).max() < 1e-6, "one tint to a region"
    assert (tinted[..., 0] - tinted[..., -1]).abs().amax() > 0.3, "another to another"


def test_a_style_can_be_anything_that_reads_as_a_picture():
    grey = np.full((5, 7), 128, np.uint8)
    style = impasto.Style(grey, weight=0.5)
    assert style.image.shape == (1, 3, 5, 7)
    with pytest.raises(ValueError, match="the style's guides"):
        impasto.Style(grey, guides=torch.ones(1, 2, 5, 6))


# ------------------------------------------------------------------------- what the base classes own


def test_sides_are_padded_to_the_multiple_by_repeating_the_border_and_cropped_back():
    seen = []

    def paint(content):
        seen.append(content)
        return content

    out = stylizer(paint, multiple=8).apply(canvas())
    assert seen[0].shape == (2, 3, 16, 16)
    assert torch.equal(seen[0][..., 10:, :14], PICTURE[..., 9:10, :].expand(2, 3, 6, 14))
    assert torch.equal(out.image, PICTURE)


def test_a_stylizer_paints_over_what_the_stages_before_it_painted():
    first = stylizer(lambda content: content * 0.5).apply(canvas())
    second = stylizer(lambda content: content + 0.25).apply(first)
    torch.testing.assert_close(second.image, PICTURE * 0.5 + 0.25)
    assert torch.equal(second.content, PICTURE)


MASK = torch.zeros(1, 1, 10, 14)
MASK[..., 4:] = 0.5
MASK[..., 9:] = 1


class Dark(impasto.Postprocessor, name="dark"):
    """Darken."""

    def refine(self, image, content, styles):
        return image * 0.3


@pytest.mark.parametrize("stage", [stylizer(lambda content: content * 0.3), Dark()])
def test_inside_a_mask_is_painted_and_outside_keeps_its_bits(stage):
    image = stage.apply(canvas(mask=MASK)).image
    assert torch.equal(image[..., :4], PICTURE[..., :4])
    torch.testing.assert_close(image[..., 4:9], PICTURE[..., 4:9] * 0.65)
    torch.testing.assert_close(image[..., 9:], PICTURE[..., 9:] * 0.3)


def test_each_picture_of_a_batch_can_have_its_own_mask():
    masks = torch.stack([torch.zeros(1, 10, 14), torch.ones(1, 10, 14)])
    with pytest.warns(UserWarning, match="selects nothing in picture 1 of 2, which stays as it is"):
        image = stylizer(lambda content: content * 0).apply(canvas(mask=masks)).image
    assert torch.equal(image[0], PICTURE[0])
    assert image[1].max() == 0


def test_an_empty_mask_is_an_error():
    with pytest.raises(impasto.StageError, match="the mask selects nothing"):
        Brush().apply(canvas(mask=torch.zeros(1, 1, 10, 14)))


def test_values_beyond_the_range_are_clamped():
    image = stylizer(lambda content: content * 4 - 1).apply(canvas()).image
    assert (image.min(), image.max()) == (0, 1)


@pytest.mark.parametrize(
    ("paint", "message"),
    [
        (lambda content: None, "gave back NoneType"),
        (lambda content: content[:1], "gave back (1, 3, 10, 14)"),
        (lambda content: content.double(), "float64"),
        (lambda content: content / 0, "values it gave back are NaN or infinite"),
    ],
)
def test_a_result_that_is_no_picture_is_an_error_of_the_stage(paint, message):
    with pytest.raises(impasto.StageError) as error:
        stylizer(paint).apply(canvas())
    assert str(error.value).startswith("made: ")
    assert message in str(error.value)


def test_a_preprocessor_must_give_back_a_canvas():
    class Lazy(impasto.Preprocessor, name="lazy"):
        """Forget the canvas."""

        def prepare(self, canvas):
            return canvas.image

    with pytest.raises(impasto.StageError, match=r"return canvas\.replace"):
        Lazy().apply(canvas())


@pytest.mark.parametrize("change", [lambda image: 1.5 * image - 0.25, torch.Tensor.bfloat16])
def test_what_a_preprocessor_paints_is_brought_to_float32_and_between_0_and_1_as_of_other_kinds(change):
    class Coarse(impasto.Preprocessor, name="coarse"):
        """Give back what other kinds may give back."""

        prepares = ("image",)

        def prepare(self, canvas):
            return canvas.replace(image=change(canvas.image))

    image = Coarse().apply(canvas()).image
    assert torch.equal(image, stylizer(change).apply(canvas()).image)
    assert image.dtype == torch.float32
    assert (image.min(), image.max()) == (0, 1)


def test_a_missing_style_and_a_picture_too_small_are_explained():
    with pytest.raises(impasto.StageError, match=r"pipe\(content, style\)"):
        Brush().apply(Canvas(content=PICTURE, image=PICTURE))
    with pytest.raises(impasto.StageError, match=r"the style is 9×8 pixels(.|\n)*at least 9"):
        stylizer(lambda content: content, smallest=9).apply(canvas())
    assert stylizer(lambda content: content, style="optional").apply(Canvas(content=PICTURE, image=PICTURE))


def test_a_loss_that_is_not_finite_names_the_loss_and_the_step():
    with pytest.raises(FloatingPointError, match=r"brush: step 4 of 9 .*\(style\)"):
        Brush().report(4, 9, PICTURE, {"style": torch.tensor(float("nan")), "content": torch.tensor(1.0)})


def test_a_misspelt_parameter_is_answered_with_a_suggestion():
    class Wash(impasto.Postprocessor, name="wash"):
        """Thin the paint."""

        amount: float = impasto.param(default=0.5, low=0, high=1, help="share of water")

    with pytest.raises(impasto.ParameterError, match=r"wash has no parameter 'amuont'(.|\n)*did you mean 'amount'\?"):
        Wash(amuont=0.3)
