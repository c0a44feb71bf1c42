"""What a pipeline does, or is given, for nothing is said before it runs; ordinary pipelines are quiet."""

import warnings

import pytest
import torch

import impasto

CONTENT, STYLE = torch.rand(1, 3, 12, 16), torch.rand(1, 3, 12, 16)
HALF = (torch.arange(16) < 8).float().expand(1, 1, 12, 16)


class Blend(impasto.Stylizer, name="blend"):
    """Paint with the style's mean."""

    def stylize(self, content, styles, guides):
        return content.lerp(styles[0].image.mean((2, 3), keepdim=True), 0.5)


class Invert(impasto.Stylizer, name="invert"):
    """Paint the negative, whatever the style."""

    style = "ignored"

    def stylize(self, content, styles, guides):
        return 1 - content


class Dim(impasto.Postprocessor, name="dim"):
    """Darken."""

    style = "ignored"

    def refine(self, image, content, styles):
        return image / 2


class Left(impasto.Preprocessor, name="left"):
    """Mask the left half."""

    prepares = ("mask",)

    def prepare(self, canvas):
        return canvas.replace(mask=HALF)


class Tint(impasto.Preprocessor, name="tint"):
    """Redden the styles or the image."""

    target: str = impasto.param(default="style", choices=("style", "image"), help="what is reddened")

    @property
    def prepares(self):
        return ("styles",) if self.target == "style" else ("image",)

    def prepare(self, canvas):
        if self.target == "image":
            return canvas.replace(image=canvas.image.sqrt())
        return canvas.replace(styles=tuple(style.replace(image=style.image.sqrt()) for style in canvas.styles))


class Shrink(impasto.Preprocessor, name="shrink"):
    """Say nothing of what is prepared."""

    def prepare(self, canvas):
        return canvas.replace(image=canvas.image * 0.9)


class Smaller(impasto.Preprocessor, name="smaller"):
    """Change the size of the picture alone."""

    style = "ignored"
    prepares = ("image", "mask", "guides")

    def prepare(self, canvas):
        return canvas


TYPED = r"(.|\n)*what to type: Pipeline\.parse\("
SAID = {
    "a style recoloured and not looked at": (
        [Tint()],
        {},
        f"tint: prepares the style pictures{TYPED}'tint:target=image'",
    ),
    "by what ignores styles": ([Tint(), Invert()], {}, "invert: paints without looking(.|\n)*|tint: prepares"),
    "a mask after the painting": (
        [Blend(), Left()],
        {},
        f"left: prepares the mask{TYPED}'left, blend'",
    ),
    "masks alone": ([Left(), Left()], {}, "left, left: prepares the mask"),
    "a style that nothing looks at": ([Dim()], {}, "dim: works without looking at a style picture"),
    "a style and no stages": ([], {}, "a pipeline without stages: works without looking"),
    "a style beside a change of size": ([Smaller()], {}, "smaller: works without looking at a style picture"),
    "a mask that nothing keeps to": ([Tint()], {"mask": HALF}, "a mask is given, and no stage paints inside it"),
    "regions that nothing looks at": ([Dim()], {"guides": {"sky": HALF}}, "guides is given, and no stage"),
}


@pytest.mark.parametrize("case", SAID)
@pytest.mark.parametrize("frames", [False, True], ids=["picture", "stream"])
def test_what_is_for_nothing_is_said_with_what_to_type(case, frames):
    stages, options, said = SAID[case]
    pipe = impasto.Pipeline(*stages)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with pytest.warns(UserWarning, match=said):
            list(pipe.stream([CONTENT], STYLE, **options)) if frames else pipe(CONTENT, STYLE, **options)


QUIET = {
    "nothing": ([], None, {}),
    "a change of size": ([Shrink()], None, {}),
    "what may change anything": ([Shrink()], STYLE, {"mask": HALF}),
    "a recoloured picture": ([Tint(target="image")], STYLE, {"mask": HALF}),
    "a recoloured style": ([Tint(), Blend()], STYLE, {}),
    "a recoloured style, for the picture": ([Tint(), Tint(target="image")], STYLE, {}),
    "a mask before": ([Left(), Dim()], None, {}),
    "a postprocessor": ([Dim()], None, {"mask": HALF}),
    "painting by region": ([Invert()], None, {"guides": {"sky": HALF}}),
}


@pytest.mark.parametrize("case", QUIET)
def test_ordinary_pipelines_are_quiet(case):
    stages, style, options = QUIET[case]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        impasto.Pipeline(*stages)(CONTENT, style, **options)


def test_a_stage_that_prepares_more_than_it_says_is_named():
    class Sly(Left, name="sly"):
        """Mask the left half, and say that only styles change."""

        prepares = ("styles",)

    with pytest.raises(
        impasto.StageError, match=r"sly: changes mask, and says that it prepares styles(.|\n)*prepares = "
    ):
        impasto.Pipeline(Sly(), Dim())(CONTENT)


def test_looking_at_a_mask_is_quiet():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert impasto.Pipeline(Left()).prepare(CONTENT, STYLE).mask is not None


@pytest.mark.parametrize(
    "line",
    [
        "match-exposure",
        "keep-color",
        "match-histogram:reference=content",
        "match-color:target=image:reference=content",
    ],
)
def test_a_pipeline_that_gives_the_picture_back_as_it_was_says_so(line):
    content, style = impasto.samples.content("astronaut", 48), impasto.samples.style("wave", 48)
    with pytest.warns(UserWarning, match="brings the picture back to the content, and no stage before it") as caught:
        impasto.Pipeline.parse(line)(content, style)
    assert any("what to type: Pipeline.parse('adain, " in str(one.message) for one in caught)


@pytest.mark.parametrize("line", ["guided-smooth", "adain, keep-color", "posterize, match-exposure"])
def test_what_comes_after_a_painting_says_nothing(line, recwarn):
    content = impasto.samples.content("astronaut", 48)
    impasto.Pipeline.parse(line)(content, content)
    assert not [one for one in recwarn if "brings the picture back" in str(one.message)]
