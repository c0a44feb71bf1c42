"""A pipeline is a value: it prints, compares, is saved and comes back; and it runs the same each time."""

import os
import platform
import re
import subprocess
import sys
import textwrap
import types

import numpy as np
import pytest
import torch
from PIL import Image

import impasto
from impasto import device as memory
from impasto.host import Host
from impasto.picture import Interrupted, Metadata

CONTENT = torch.linspace(0, 1, 3 * 20 * 28).reshape(1, 3, 20, 28)
STYLE = torch.linspace(1, 0, 3 * 16 * 12).reshape(1, 3, 16, 12)


class Wash(impasto.Preprocessor, name="wash"):
    """Lay a pale wash over the picture."""

    strength: float = impasto.param(default=0.5, low=0, high=1, help="how pale")
    only: int | None = impasto.param(default=3, low=0, help="which picture of a batch, or none")

    def prepare(self, canvas):
        return canvas.replace(image=canvas.image.lerp(torch.ones_like(canvas.image), self.strength))


class Tint(impasto.Stylizer, name="tint"):
    """Mix in the mean colours of the styles."""

    alpha: float = impasto.param(default=0.5, low=0, high=1, help="share of the styles")
    layers: tuple[str, ...] = impasto.param(default=("a", "b"), choices=("a", "b", "c"), help="which layers")
    sizes: tuple[int, ...] = impasto.param(default=(64,), low=1, help="longest sides in pixels")
    wet: bool = impasto.param(default=False, help="whether the paint is wet")
    paper: str = impasto.param(default="plain", help="name of the paper")

    def stylize(self, content, styles, guides):
        total = sum(style.weight for style in styles)
        colour = sum(style.weight / total * style.image.mean((2, 3), keepdim=True) for style in styles)
        return content.lerp(colour.expand_as(content), self.alpha)


class Grain(impasto.Postprocessor, name="grain"):
    """Add the grain of a canvas."""

    def refine(self, image, content, styles):
        return image + 0.1 * torch.randn(image.shape, generator=self.generator("cpu"))


class Steps(impasto.Stylizer, name="steps"):
    """Darken a little with each step."""

    steps: int = impasto.param(default=5, low=1, help="number of steps")
    fault: int = impasto.param(default=0, help="the step whose loss is not a number; 0 for none")

    def stylize(self, content, styles, guides):
        for step in range(1, self.steps + 1):
            content = content * 0.9
            loss = content.mean() * (float("nan") if step == self.fault else 1)
            self.report(step, self.steps, content, {"darkness": loss})
        return content


class Fault(impasto.Postprocessor, name="fault"):
    """Fail."""

    def refine(self, image, content, styles):
        return {}["<tone>"]


@pytest.fixture
def host(monkeypatch):
    """A host that has the stages of this file, from a distribution called impasto-easel 1.2."""
    easel = types.ModuleType("easel")
    easel.impasto_preprocessors = impasto.hookimpl(lambda: [Wash])
    easel.impasto_stylizers = impasto.hookimpl(lambda: [Tint, Steps])
    easel.impasto_postprocessors = impasto.hookimpl(lambda: [Grain, Fault])
    made = Host()
    made.register(easel, "impasto-easel 1.2")
    monkeypatch.setattr("impasto.host.registry._installed", lambda: made)
    return made


PIPE = impasto.Pipeline(
    Wash(strength=0.25, only=None),
    Tint(alpha=0.75, layers=["c"], sizes=[32, 64], paper='"ruff" \\ é'),
    Grain(),
)


def paint(pipe, *inputs, **options):
    return pipe(*inputs, **{"device": "cpu", "precision": "float32", **options}).tensor


# --------------------------------------------------------------------------------------------- as a value


def test_stages_run_in_order_each_on_what_the_last_one_made():
    wash, tint = Wash(strength=0.5), Tint(alpha=0.5)
    colour = STYLE.mean((2, 3), keepdim=True)
    torch.testing.assert_close(
        paint(impasto.Pipeline(wash, tint), CONTENT, STYLE), (0.5 * CONTENT + 0.5) * 0.5 + 0.5 * colour
    )
    torch.testing.assert_close(
        paint(impasto.Pipeline(tint, wash), CONTENT, STYLE), (0.5 * CONTENT + 0.5 * colour) * 0.5 + 0.5
    )


def test_its_text_is_python_that_makes_it():
    assert eval(repr(PIPE), {"Pipeline": impasto.Pipeline, "Wash": Wash, "Tint": Tint, "Grain": Grain}) == PIPE
    assert repr(impasto.Pipeline(Tint(alpha=1))) == "Pipeline(Tint(alpha=1.0))"


def test_equal_stages_make_equal_pipelines():
    assert impasto.Pipeline(Tint(alpha=1)) == impasto.Pipeline(Tint(alpha=1.0))
    assert len({impasto.Pipeline(Tint()), impasto.Pipeline(Tint()), impasto.Pipeline(Grain())}) == 2
    assert impasto.Pipeline(Tint(), Grain()) != impasto.Pipeline(Grain(), Tint())
    assert impasto.Pipeline(Tint()) != Tint()
    assert len(PIPE) == 3


def test_in_a_notebook_it_is_a_plain_table_that_never_changes():
    html = PIPE._repr_html_()
    assert html == impasto.Pipeline(*PIPE.stages)._repr_html_()
    assert "&quot;ruff&quot;" in html
    assert " id=" not in html
    assert "0x" not in html
    tag = impasto.Pipeline(Tint(paper="<script>"))._repr_html_()
    assert "<script>" not in tag
    assert "&lt;script&gt;" in tag


@pytest.mark.parametrize(
    ("made", "message"),
    [
        (lambda: impasto.Pipeline(Tint), r"what to type: Tint\(\)"),
        (lambda: impasto.Pipeline("tint"), r"impasto\.Pipeline\.parse"),
        (lambda: impasto.Pipeline([Tint()]), "made of stages, found list"),
    ],
)
def test_what_is_not_a_stage_is_refused(made, message):
    with pytest.raises(TypeError, match=message):
        made()


# --------------------------------------------------------------------------------------------------- TOML


def test_toml_keeps_every_parameter_exactly(host, tmp_path):
    text = PIPE.to_toml()
    assert impasto.Pipeline.from_toml(text) == PIPE
    assert "alpha = 0.75" in text
    assert "wet = false" in text, "defaults are written too, so that a later default changes nothing"
    assert impasto.Pipeline.from_toml(impasto.Pipeline().to_toml()) == impasto.Pipeline()
    PIPE.save(tmp_path / "pipe.toml")
    assert impasto.Pipeline.load(tmp_path / "pipe.toml") == PIPE
    assert [file.name for file in tmp_path.iterdir()] == ["pipe.toml"]


@pytest.mark.parametrize(
    ("text", "error", "message"),
    [
        ("[[stages]]\nstage = 'tnit'", LookupError, "did you mean 'tint'"),
        ("[[stages]]\nstage = 'tint'\nalhpa = 1", impasto.ParameterError, "did you mean 'alpha'"),
        ("[[stages]]\nstage = 'tint'\nalpha = 2", impasto.ParameterError, "a number, 0 to 1"),
        ("[[stages]]\nstage = 'tint'\nalpha = '1'", impasto.ParameterError, "a number, 0 to 1"),
        ("[[stages]]\nstage = 'tint'\nwet = 1", impasto.ParameterError, "true or false"),
        ("[[stages]]\nstage = 'tint'\nsizes = ['64']", impasto.ParameterError, "a list, each a whole number"),
        ("[[stages]]\nstage = 'tint'\nalpha = 1979-05-27", impasto.ParameterError, "a number, 0 to 1"),
        ("[[stage]]\nstage = 'tint'", ValueError, "describes no pipeline"),
        ("stages = 3", ValueError, "describes no pipeline"),
        ("[[stages]]\nname = 'tint'", ValueError, "describes no pipeline"),
        ("stages = [", ValueError, "not valid TOML"),
    ],
)
def test_toml_that_does_not_fit_says_what_is_wrong(host, text, error, message):
    with pytest.raises(error) as raised:
        impasto.Pipeline.from_toml(text)
    assert message in str(raised.value)


def test_toml_never_runs_code(host, tmp_path):
    target = tmp_path / "ran"
    for name in ("os.system", "builtins:exec", "__import__('os').abort()", str(tmp_path / "evil.py")):
        with pytest.raises(LookupError, match="no installed plugin offers"):
            impasto.Pipeline.from_toml(f'[[stages]]\nstage = "{name}"')
    text = f"__import__('pathlib').Path('{target}').touch()"
    pipe = impasto.Pipeline.from_toml(f'[[stages]]\nstage = "tint"\npaper = "{text}"')
    assert pipe.stages[0].paper == text
    assert not target.exists()


def test_a_file_too_large_to_be_a_pipeline_is_not_read(tmp_path):
    (tmp_path / "huge.toml").write_text("#" * 65_537)
    with pytest.raises(ValueError, match=r"over 65,536 characters"):
        impasto.Pipeline.load(tmp_path / "huge.toml")


@pytest.mark.parametrize(
    ("line", "pipe"),
    [
        ("", impasto.Pipeline()),
        ("tint", impasto.Pipeline(Tint())),
        ("wash:only=none, tint:alpha=1:wet=true", impasto.Pipeline(Wash(only=None), Tint(alpha=1, wet=True))),
        ("tint:sizes=32+64:layers=c", impasto.Pipeline(Tint(sizes=(32, 64), layers=("c",)))),
        (" tint : alpha = 0.25 , grain", impasto.Pipeline(Tint(alpha=0.25), Grain())),
        ("tint:paper=cold-pressed", impasto.Pipeline(Tint(paper="cold-pressed"))),
    ],
)
def test_one_line_describes_a_pipeline(host, line, pipe):
    assert impasto.Pipeline.parse(line) == pipe


@pytest.mark.parametrize(
    ("line", "error", "message"),
    [
        ("tnit", LookupError, "did you mean 'tint'"),
        ("tint(alpha=1)", impasto.ParameterError, "what to type: tint:parameter=value"),
        ("tint:alpha", impasto.ParameterError, "what to type: tint:parameter=value"),
        ("tint:alpa=1", impasto.ParameterError, "did you mean 'alpha'"),
        ("tint:alpha=lots", impasto.ParameterError, "a number, 0 to 1"),
    ],
)
def test_a_line_that_does_not_fit_says_what_is_wrong(host, line, error, message):
    with pytest.raises(error) as raised:
        impasto.Pipeline.parse(line)
    assert message in str(raised.value)


# ------------------------------------------------------------------------------------------ what goes in


def test_paths_images_arrays_and_tensors_give_the_same_picture(tmp_path):
    array = (CONTENT[0].permute(1, 2, 0) * 255).round().byte().numpy()
    style = (STYLE[0].permute(1, 2, 0) * 255).round().byte().numpy()
    Image.fromarray(array).save(tmp_path / "content.png")
    Image.fromarray(style).save(tmp_path / "style.png")
    pipe = impasto.Pipeline(Tint())
    expected = paint(pipe, array, style)
    for content, manner in (
        (tmp_path / "content.png", str(tmp_path / "style.png")),
        (Image.fromarray(array), Image.fromarray(style)),
        (torch.from_numpy(array).permute(2, 0, 1).float() / 255, impasto.read(style)),
        ((tmp_path / "content.png").read_bytes(), impasto.Style(style)),
    ):
        assert torch.equal(paint(pipe, content, manner), expected)


def test_several_styles_count_by_their_weights():
    black, white = torch.zeros(1, 3, 4, 4), torch.ones(1, 3, 6, 5)
    pipe = impasto.Pipeline(Tint(alpha=1))
    assert paint(pipe, CONTENT, [black, white]).unique().tolist() == [0.5]
    weighted = [impasto.Style(black, weight=3), impasto.Style(white)]
    assert paint(pipe, CONTENT, weighted).unique().tolist() == [0.25]


def test_a_batch_goes_through_as_one():
    batch = torch.cat([CONTENT, 1 - CONTENT])
    assert torch.equal(
        paint(impasto.Pipeline(Tint()), batch, STYLE)[1:], paint(impasto.Pipeline(Tint()), 1 - CONTENT, STYLE)
    )


@pytest.mark.parametrize("form", ["tensor", "flat", "bytes", "bool", "array", "pil", "path"])
def test_a_mask_of_any_form_paints_where_it_is_white(form, tmp_path):
    white = np.zeros((20, 28), np.uint8)
    white[:, 10:] = 255
    mask = {
        "tensor": torch.from_numpy(white)[None, None] / 255,
        "flat": torch.from_numpy(white) / 255,
        "bytes": torch.from_numpy(white),
        "bool": torch.from_numpy(white) > 0,
        "array": white,
        "pil": Image.fromarray(white),
        "path": tmp_path / "mask.png",
    }[form]
    Image.fromarray(white).save(tmp_path / "mask.png")
    painted = paint(impasto.Pipeline(Tint(alpha=1)), CONTENT, STYLE, mask=mask)
    assert torch.equal(painted[..., :10], CONTENT[..., :10])
    torch.testing.assert_close(
        painted[..., 10:], STYLE.mean((2, 3), keepdim=True).expand(1, 3, 20, 18), rtol=0, atol=1e-6
    )


def test_a_canvas_is_prepared_as_the_stylizer_gets_it():
    got = []

    class Look(impasto.Stylizer, name="look"):
        def stylize(self, content, styles, guides):
            got.extend((content, styles[0].image, guides))
            return content

    mask = (torch.arange(28) >= 8).float().expand(1, 1, 20, 28)
    given = CONTENT, torch.rand(1, 3, 9, 9)
    pipe = impasto.Pipeline(Wash(strength=0.25, only=None), Look(), Fault())
    canvas = pipe.prepare(*given, mask=mask, device="cpu")
    with pytest.raises(impasto.StageError):
        pipe(*given, mask=mask, device="cpu", precision="float32")
    torch.testing.assert_close(canvas.image, CONTENT.lerp(torch.ones(()), 0.25))
    assert torch.equal(canvas.content, CONTENT)
    assert torch.equal(canvas.mask, mask)
    assert torch.equal(canvas.image, got[0])
    assert torch.equal(canvas.styles[0].image, got[1])
    assert torch.equal(canvas.mask, got[2])


def test_a_stage_that_cannot_prepare_is_named(host):
    class Lost(impasto.Preprocessor, name="lost"):
        def prepare(self, canvas):
            raise ValueError("no horizon")

    with pytest.raises(impasto.StageError, match=r"stage 2 of 3, 'lost' .*: no horizon"):
        impasto.Pipeline(Wash(), Lost(), Tint()).prepare(CONTENT, device="cpu")


def test_masks_that_cannot_be_meant_are_refused():
    pipe = impasto.Pipeline(Tint())
    with pytest.raises(ValueError, match=r"the mask is 20×28 pixels and the content is 28×20"):
        pipe(CONTENT, STYLE, mask=torch.ones(1, 1, 28, 20))
    with pytest.raises(impasto.StageError, match="the mask selects nothing"):
        pipe(CONTENT, STYLE, mask=torch.zeros(1, 1, 20, 28))


# ------------------------------------------------------------------------------ seeds, devices, precision


def test_one_seed_gives_the_same_bits_and_another_seed_others():
    pipe = impasto.Pipeline(Grain())
    first = paint(pipe, CONTENT, seed=3)
    torch.manual_seed(99)
    assert torch.equal(paint(pipe, CONTENT, seed=3), first)
    assert not torch.equal(paint(pipe, CONTENT, seed=4), first)


def test_a_run_leaves_the_random_numbers_of_the_notebook_alone():
    torch.manual_seed(5)
    expected = torch.rand(4)
    torch.manual_seed(5)
    paint(impasto.Pipeline(Grain()), CONTENT)
    assert torch.equal(torch.rand(4), expected)


@pytest.mark.parametrize("device", ["cuda:99", "gpu", "tpu"])
def test_a_device_that_is_not_there_is_an_error_not_a_slow_run(device):
    with pytest.raises(ValueError, match=f"device '{device}' (was asked for and is not there|is not one)"):
        impasto.Pipeline()(CONTENT, device=device)


@pytest.mark.slow
@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="glibc")
def test_memory_of_freed_tensors_is_kept_for_the_next_unless_told_otherwise():
    code = """
        import resource, torch, impasto
        impasto.Pipeline()(torch.rand(1, 3, 8, 8), device="cpu")
        fresh = 0
        for _ in range(60):
            before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
            torch.ones(12 << 20)
            fresh += resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before >= 20
        print(fresh)
    """  # 48 MiB, more than glibc keeps by itself, are 24 huge pages, or 12,288
    fresh = [
        int(
            subprocess.check_output(
                [sys.executable, "-c", textwrap.dedent(code)], env=os.environ | {"IMPASTO_MALLOC": it}
            )
        )
        for it in ("", "0")
    ]
    # Now and then something small comes to lie behind the first few, and the next, laid at a page, do not fit.
    assert fresh[0] < 30
    assert fresh[1] == 60


@pytest.mark.parametrize("limit", [1 << 31, 32 << 20], ids=["glibc", "old glibc"])
def test_an_old_glibc_keeps_what_it_can(limit, monkeypatch):
    found = {}

    class LibC:
        """Takes thresholds of mapping up to a limit, as versions of glibc do."""

        def __init__(self, name):
            pass

        def mallopt(self, parameter, value):
            if parameter == memory.MALLOC_MMAP_THRESHOLD and value > limit:
                return 0
            found[parameter] = value
            return 1

    monkeypatch.delenv("IMPASTO_MALLOC", raising=False)
    monkeypatch.setattr(memory.sys, "platform", "linux")
    monkeypatch.setattr(memory.ctypes, "CDLL", LibC)
    memory.keep_memory(torch.device("cpu"))
    assert found == {
        memory.MALLOC_MMAP_THRESHOLD: min(memory.LARGEST, limit),
        memory.MALLOC_TRIM_THRESHOLD: memory.KEPT,
    }


def test_precision_is_what_was_asked_for_and_lowers_stylizers_alone():
    seen = []

    class Paint(impasto.Stylizer, name="paint"):
        """Note the precision of products."""

        style = "optional"

        def stylize(self, content, styles, guides):
            seen.append((torch.eye(2) @ torch.eye(2)).dtype)
            return content

    class Look(impasto.Postprocessor, name="look"):
        """Note the precision of products."""

        def refine(self, image, content, styles):
            seen.append((torch.eye(2) @ torch.eye(2)).dtype)
            return image

    for precision in ("float32", "bfloat16"):
        paint(impasto.Pipeline(Paint(), Look()), CONTENT, precision=precision)
    assert seen == [torch.float32, torch.float32, torch.bfloat16, torch.float32]
    with pytest.raises(ValueError, match="auto, float32, bfloat16"):
        impasto.Pipeline()(CONTENT, precision="half")


class Sepia(impasto.Stylizer, name="sepia"):
    """Paint in brown, whatever the style."""

    style = "ignored"

    def stylize(self, content, styles, guides):
        return content.mean(1, keepdim=True) * torch.tensor([0.9, 0.7, 0.5]).view(1, 3, 1, 1)


def test_a_stylizer_that_ignores_styles_needs_none_and_says_that_one_is_not_used():
    alone = paint(impasto.Pipeline(Sepia()), CONTENT)
    with pytest.warns(UserWarning, match=r"sepia: .*the one given is not used\n .*pipe\(content\)") as caught:
        given = paint(impasto.Pipeline(Sepia()), CONTENT, STYLE)
    assert torch.equal(given, alone)
    assert len(caught) == 1
    assert caught[0].filename == __file__
    with pytest.warns(UserWarning, match="sepia: .* is for wash, grain alone"):
        paint(impasto.Pipeline(Wash(), Sepia(), Grain()), CONTENT, STYLE)
    paint(impasto.Pipeline(Tint(), Sepia()), CONTENT, STYLE)  # tint looks at it: no warning, which would be an error
    with pytest.warns(UserWarning, match="is not used"):
        list(impasto.Pipeline(Sepia()).stream([CONTENT], STYLE, device="cpu"))


# --------------------------------------------------------------------------- interruptions and failures


def stop_at(wanted):
    @impasto.hookimpl
    def impasto_step(step):
        if step == wanted:
            raise KeyboardInterrupt

    return types.SimpleNamespace(impasto_step=impasto_step)


def test_an_interruption_gives_the_picture_so_far_and_runs_no_later_stage():
    pipe = impasto.Pipeline(Steps(steps=5), Grain())
    picture = pipe(CONTENT, STYLE, device="cpu", plugins=[stop_at(3)])
    torch.testing.assert_close(picture.tensor, CONTENT * 0.9**3)
    assert picture.interrupted == Interrupted("steps", 3, 5)
    assert "interrupted at step 3 of 5" in repr(picture)
    assert pipe(CONTENT, STYLE, device="cpu").interrupted is None


def test_a_stage_that_finishes_a_picture_runs_after_an_interruption():
    class Invert(impasto.Postprocessor, name="invert"):
        """Invert."""

        finishes = True

        def refine(self, image, content, styles):
            return 1 - image

    pipe = impasto.Pipeline(Steps(steps=5), Fault(), Invert())
    picture = pipe(CONTENT, STYLE, device="cpu", plugins=[stop_at(3)])
    torch.testing.assert_close(picture.tensor, 1 - CONTENT * 0.9**3)
    assert picture.interrupted == Interrupted("steps", 3, 5)


def test_an_interruption_before_the_first_step_stops_the_run():
    class Slow(impasto.Stylizer, name="slow"):
        """Be interrupted before there is a picture."""

        def stylize(self, content, styles, guides):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        impasto.Pipeline(Slow())(CONTENT, STYLE, device="cpu")


def test_an_interruption_before_a_later_stage_is_done_keeps_what_was_painted_before_it():
    class Slow(impasto.Postprocessor, name="slow-to-begin"):
        """Be interrupted before there is anything to show."""

        def refine(self, image, content, styles):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        impasto.Pipeline(Slow(), Steps(steps=5))(CONTENT, STYLE, device="cpu")
    picture = impasto.Pipeline(Steps(steps=5), Slow(), Fault())(CONTENT, STYLE, device="cpu")
    torch.testing.assert_close(picture.tensor, CONTENT * 0.9**5)
    assert picture.interrupted == Interrupted("slow-to-begin", 0, 1)


@pytest.mark.parametrize("third", ["first step", "before it"])
def test_regions_that_are_painted_are_kept_when_a_later_one_is_interrupted(third):
    class Regions(impasto.Stylizer, name="regions"):
        """Invert, until the third region interrupts."""

        def stylize(self, content, styles, guides):
            if guides[..., -1].any():
                if third == "first step":
                    self.report(1, 5, content * 0.5, {})
                raise KeyboardInterrupt
            return 1 - content

    guides = {name: torch.zeros(1, 1, 20, 28) for name in ("left", "middle", "right")}
    for place, guide in enumerate(guides.values()):
        guide[..., 10 * place : 10 * (place + 1)] = 1
    picture = impasto.Pipeline(Regions())(CONTENT, STYLE, guides=guides, device="cpu")
    torch.testing.assert_close(picture.tensor[..., :20], 1 - CONTENT[..., :20])
    rest = CONTENT[..., 20:] * (0.5 if third == "first step" else 1)
    torch.testing.assert_close(picture.tensor[..., 20:], rest)
    assert picture.interrupted == Interrupted("regions", *((1, 5) if third == "first step" else (2, 3)))


def test_an_interrupted_picture_stays_inside_the_mask():
    mask = torch.zeros(1, 1, 20, 28)
    mask[..., 14:] = 1
    picture = impasto.Pipeline(Steps())(CONTENT, STYLE, mask=mask, device="cpu", plugins=[stop_at(2)])
    assert torch.equal(picture.tensor[..., :14], CONTENT[..., :14])
    assert picture.interrupted


def test_a_loss_that_is_not_finite_names_stage_distribution_and_step(host):
    with pytest.raises(impasto.StageError) as error:
        impasto.Pipeline(Wash(), Steps(fault=4))(CONTENT, STYLE, device="cpu")
    message = str(error.value)
    assert message.startswith("stage 2 of 2, 'steps' (impasto-easel 1.2): ")
    assert "step 4 of 5 gave a loss that is not finite (darkness)" in message


def test_a_stage_that_fails_is_named_with_its_distribution_and_what_happened(host):
    with pytest.raises(impasto.StageError) as error:
        impasto.Pipeline(Wash(), Fault())(CONTENT, device="cpu")
    assert str(error.value) == "stage 2 of 2, 'fault' (impasto-easel 1.2): KeyError: '<tone>'"
    assert isinstance(error.value.__cause__, KeyError)


def test_running_out_of_memory_says_what_would_work(monkeypatch):
    def refine(self, image, content, styles):
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(Grain, "refine", refine)
    with pytest.raises(impasto.StageError, match="ran out of memory\n  what would work: a smaller picture"):
        impasto.Pipeline(Grain())(CONTENT, device="cpu")


# ------------------------------------------------------------------------------------------------ recipes


def test_a_picture_carries_the_recipe_that_made_it(host, tmp_path):
    picture = PIPE(CONTENT, [impasto.Style(STYLE, weight=2)], seed=11, device="cpu")
    recipe = picture.meta.recipe
    assert impasto.Pipeline.from_toml(recipe) == PIPE
    for fact in ("seed = 11", "impasto-easel 1.2", "weight = 2", torch.__version__, "content_sha256"):
        assert fact in recipe
    picture.save(tmp_path / "painted.png")
    assert impasto.Pipeline.load(tmp_path / "painted.png") == PIPE
    assert torch.equal(paint(impasto.Pipeline.load(tmp_path / "painted.png"), CONTENT, STYLE, seed=11), picture.tensor)


def test_a_recipe_tells_one_content_from_another():
    def told(content):
        return re.search('content_sha256 = "(.+)"', impasto.Pipeline()(content).meta.recipe)[1]

    rng = torch.Generator().manual_seed(2)
    levels = torch.randint(0, 65536, CONTENT.shape, generator=rng, dtype=torch.int32).to(torch.uint16)
    other = levels.clone()
    other[0, 0, 0, 0] = levels[0, 0, 0, 0].item() ^ 1
    assert told(levels) == told(levels.clone())
    assert told(levels) != told(other)


def test_alpha_and_metadata_come_through():
    rgba = torch.cat([CONTENT, torch.full((1, 1, 20, 28), 0.5)], 1)
    picture = impasto.Pipeline(Wash())(rgba, device="cpu")
    assert picture.alpha is not None
    assert picture.alpha.unique().tolist() == [0.5]


def test_a_picture_may_not_ask_a_stage_to_write_a_file(tmp_path, monkeypatch):
    class Diary(impasto.Postprocessor, name="diary"):
        """Keep a diary."""

        file: str = impasto.param(default="", writes=True, help="file to write")

        def refine(self, image, content, styles):
            return image

    class Plugin:
        @impasto.hookimpl
        def impasto_postprocessors(self):
            return [Diary]

    installed = impasto.Host(Plugin())
    monkeypatch.setattr("impasto.host.registry._installed", lambda: installed)
    picture = impasto.Pipeline(Diary(file="mine.txt"))(torch.rand(1, 3, 8, 8))
    assert "mine.txt" not in picture.meta.recipe
    picture.save(tmp_path / "honest.png")
    assert impasto.Pipeline.load(tmp_path / "honest.png") == impasto.Pipeline(Diary())

    recipe = impasto.Pipeline(Diary(file="/etc/passwd")).to_toml()
    picture.replace(meta=Metadata(recipe=recipe)).save(tmp_path / "bad.png")
    with pytest.raises(ValueError, match=r"asks diary to write the file '/etc/passwd' \(file\)"):
        impasto.Pipeline.load(tmp_path / "bad.png")
    (tmp_path / "own.toml").write_text(recipe)
    assert impasto.Pipeline.load(tmp_path / "own.toml").stages[0].file == "/etc/passwd"


def test_words_in_quotation_marks_keep_what_would_separate_them(host):
    class Named(impasto.Preprocessor, name="named"):
        """Take names."""

        file: str = impasto.param(help="a file's path")
        labels: tuple[str, ...] = impasto.param(default=(), help="names of regions")

        def prepare(self, canvas):
            return canvas

    host.register(types.SimpleNamespace(impasto_preprocessors=impasto.hookimpl(lambda: [Named])), "impasto-named 1.0")
    (stage,) = impasto.Pipeline.parse('named:file="C:\\\\a,b+c.png":labels="x+y"+z').stages
    assert stage == Named(file="C:\\a,b+c.png", labels=("x+y", "z"))
    with pytest.raises(impasto.ParameterError, match="named needs 'file': a file's path") as raised:
        impasto.Pipeline.parse("named")
    assert "Named(file=...)" in str(raised.value)


@pytest.mark.parametrize(
    "name", ["a,b.png", "a:b.png", "a+b=c.png", "it's, here.png", 'say "so", twice.png', "C:\\\\x, y"]
)
@pytest.mark.parametrize("quote", ['"', "'"])
def test_a_name_in_quotation_marks_holds_any_letter(name, quote):
    if quote == "'" and quote in name:
        pytest.skip("such a mark ends it")
    written = name.replace("\\", "\\\\").replace('"', '\\"') if quote == '"' else name
    first, second = impasto.Pipeline.parse(
        f"mask-file:path={quote}{written}{quote}, mask-file: path = {quote}{written}{quote}"
    ).stages
    assert first.path == second.path == name


def test_a_comma_without_quotation_marks_and_a_mark_that_is_not_closed_are_said():
    with pytest.raises(LookupError, match="what to type for a value with a comma"):
        impasto.Pipeline.parse("mask-file:path=a,b.png")
    with pytest.raises(impasto.ParameterError, match='quotation mark " is not closed'):
        impasto.Pipeline.parse('mask-file:path="a,b.png')
