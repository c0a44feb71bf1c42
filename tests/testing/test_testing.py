"""The conformance kit finds every fault it promises to find, says what to do, and accuses no sound stage."""

import os
import random
import sys
import threading
import time
import warnings
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import torch
from PIL import Image, ImageFile

import impasto
from impasto import testing
from impasto.networks import SLIM19, records
from impasto.testing import process_state
from impasto.weights import find

pytest_plugins = ["pytester"]


class Unannounced(impasto.Postprocessor, name="unannounced"):
    """Give the picture back as it is."""

    def refine(self, image, content, styles):
        return image


def sound(paint, **attributes):
    """A stylizer without faults but those of `paint(content, styles)` and of the attributes."""

    class Sound(impasto.Stylizer, name="sound"):
        """Paint in one way or another."""

        strength: float = impasto.param(default=0.5, low=0, high=1, help="share of the style")

        def stylize(self, content, styles, guides):
            return paint(content, styles)

    for name, value in attributes.items():
        setattr(Sound, name, value)
    return Sound()


def tint(content, styles):
    return 0.5 * content + 0.5 * styles[0].image.mean((2, 3), keepdim=True)


def faults(stage, capsys):
    """The failed checks by name, and the whole message."""
    try:
        testing.check_stage(stage)
    except AssertionError as failure:
        failed = [line.split(maxsplit=1)[1] for line in capsys.readouterr().out.splitlines() if "failed" in line]
        return failed, str(failure)
    return [], ""


# -------------------------------------------------------------------------------------- sound stages pass


class Noisy(impasto.Stylizer, name="noisy"):
    """Add noise from the run's random numbers."""

    def stylize(self, content, styles, guides):
        generator = self.generator(content.device)
        noise = torch.randn(content.shape, dtype=content.dtype, device=content.device, generator=generator)
        return (tint(content, styles) + 0.1 * noise).clamp(0, 1)


def optimised(stage, content, styles):
    with torch.enable_grad():
        image = content.clone().requires_grad_()
        optimiser = torch.optim.Adam([image], lr=0.05)
        for step in range(1, 4):
            loss = (image.mean((2, 3)) - styles[0].image.mean((2, 3))).square().sum()
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            stage.report(step, 3, image, {"style": loss})
    return image.detach()


class Iterative(impasto.Stylizer, name="iterative"):
    """Move the picture's mean colour to the style's, step by step."""

    def stylize(self, content, styles, guides):
        return optimised(self, content, styles)


class Brighten(impasto.Preprocessor, name="brighten"):
    """Make the picture brighter before it is painted."""

    def prepare(self, canvas):
        bright = canvas.image.sqrt()
        if canvas.mask is not None:
            bright = torch.where(canvas.mask > 0, bright, canvas.image)
        return canvas.replace(image=bright)


class Half(impasto.Preprocessor, name="half"):
    """Halve the picture's sides."""

    def prepare(self, canvas):
        small = canvas.image[..., ::2, ::2]
        return canvas.replace(content=small, image=small, mask=None)


UNINSTALLED = {"is_announced_by_its_distribution": "defined in this file"}


@testing.parametrize_checks(
    sound(tint),
    sound(tint, multiple=16),
    sound(tint, smallest=41),
    sound(tint, style="required"),
)
def test_sound_stages_pass(stage, check):
    check(stage)


@testing.parametrize_checks(Noisy(), Iterative(), Brighten(), Half(), Unannounced(), expected_failures=UNINSTALLED)
def test_every_kind_of_stage_can_pass(stage, check):
    check(stage)


# --------------------------------------------------------------------------------- each fault is found


def in_place(content, styles):
    return content.mul_(0.5)


def in_place_style(content, styles):
    return tint(content, [replace(styles[0], image=styles[0].image.sub_(0.1))])


def python_noise(content, styles):
    return tint(content, styles) * random.random()


def numpy_noise(content, styles):
    return tint(content, styles) * float(np.random.default_rng().uniform(0.98, 1))


def over_the_batch(content, styles):
    return content - content.mean() + 0.5


def first_for_all(content, styles):
    return content[:1].expand_as(content)


def global_noise(content, styles):
    return tint(content, styles) * torch.rand_like(content)


def reseeding(content, styles):
    torch.manual_seed(3)
    return global_noise(content, styles)


def doubles(content, styles):
    torch.set_default_dtype(torch.float64)
    return tint(content, styles)


def threads(content, styles):
    torch.set_num_threads(torch.get_num_threads() + 1)
    return tint(content, styles)


def numpy_seed(content, styles):
    np.random.seed(3)
    return tint(content, styles)


def benchmarking(content, styles):
    torch.backends.cudnn.benchmark = True
    return tint(content, styles)


def truncated_files(content, styles):
    ImageFile.LOAD_TRUNCATED_IMAGES = True
    return tint(content, styles)


def boundless_files(content, styles):
    Image.MAX_IMAGE_PIXELS = None
    return tint(content, styles)


def silent(content, styles):
    warnings.simplefilter("ignore")
    return tint(content, styles)


def exporting(content, styles):
    os.environ["IMPASTO_TEST_OF_THE_KIT"] = "1"
    return tint(content, styles)


PIXELS = {}


def shared_buffer(content, styles):
    PIXELS["content"] = content
    time.sleep(0.01)
    return tint(PIXELS["content"], styles)


def flag_for_a_while(content, styles):
    before = ImageFile.LOAD_TRUNCATED_IMAGES
    ImageFile.LOAD_TRUNCATED_IMAGES = True
    try:
        if threading.current_thread() is not threading.main_thread():
            time.sleep(0.3 if before else 0.1)  # whoever found the flag set puts it back last
        return tint(content, styles)
    finally:
        ImageFile.LOAD_TRUNCATED_IMAGES = before


def gradients(content, styles):
    torch.set_grad_enabled(True)
    return tint(content, styles)


def deterministic(content, styles):
    torch.use_deterministic_algorithms(True)
    return tint(content, styles)


def inferring(content, styles):
    with torch.inference_mode():
        return tint(content, styles)


def deep_in_torch(content, styles):
    # Windows of 5×5 do not fit into 3×3 pixels, and torch says so in its own words.
    torch.nn.functional.conv2d(content, content.new_ones(3, 1, 5, 5), groups=3)
    return tint(content, styles)


def first_style_blindly(content, styles):
    return tint(content, styles)


def wrong_size(content, styles):
    return tint(content, styles)[..., 1:, 1:]


def not_finite(content, styles):
    return tint(content, styles) / 0


def only_float32(content, styles):
    product = content.mean((2, 3)) @ torch.eye(3, dtype=torch.float32, device=content.device)
    if product.dtype != torch.float32:
        raise TypeError("expected float32")
    return tint(content, styles)


FAULTS = [
    (in_place, "leaves its inputs alone", "content.clone()"),
    (in_place_style, "leaves its inputs alone", "style.clone()"),
    (numpy_noise, "repeats itself under one seed", "torch.randn"),
    (over_the_batch, "treats each image of a batch alone", "dimensions (2, 3)"),
    (first_for_all, "treats each image of a batch alone", "alone"),
    (global_noise, "leaves the process as it found it", "torch's random numbers"),
    (reseeding, "leaves the process as it found it", "pipe(..., seed=3)"),
    (doubles, "leaves the process as it found it", "dtype="),
    (threads, "leaves the process as it found it", "number of threads"),
    (gradients, "leaves the process as it found it", "enable_grad"),
    (deterministic, "leaves the process as it found it", "deterministic"),
    (python_noise, "leaves the process as it found it", "generator="),
    (numpy_seed, "leaves the process as it found it", "NumPy's random numbers"),
    (benchmarking, "leaves the process as it found it", "cuDNN's benchmark mode from False to True"),
    (truncated_files, "leaves the process as it found it", "impasto.read"),
    (boundless_files, "leaves the process as it found it", "MAX_IMAGE_PIXELS"),
    (silent, "leaves the process as it found it", "warnings.catch_warnings()"),
    (exporting, "leaves the process as it found it", "the environment (IMPASTO_TEST_OF_THE_KIT)"),
    (shared_buffer, "gives the same bits in threads", "no state on the class"),
    (flag_for_a_while, "gives the same bits in threads", "LOAD_TRUNCATED_IMAGES"),
    (deep_in_torch, "says what is wrong", "smallest: ClassVar[int]"),
    (wrong_size, "keeps shape dtype and range", "was given (2, 3, 37, 53)"),
    (not_finite, "keeps shape dtype and range", "NaN or infinite"),
    (only_float32, "works in bfloat16", "losses and decompositions in float32"),
]


@pytest.mark.parametrize(
    ("paint", "check", "advice"), FAULTS, ids=[f"{fault[0].__name__}-{fault[1]}" for fault in FAULTS]
)
def test_a_fault_is_found_and_explained(paint, check, advice, capsys):
    failed, message = faults(sound(paint), capsys)
    assert check in failed
    assert advice in message.split(f"{check}: ")[1]


@pytest.mark.parametrize(
    "paint",
    [
        *(numpy_noise, in_place_style, gradients, deep_in_torch, wrong_size, only_float32, doubles),
        *(
            global_noise,
            python_noise,
            numpy_seed,
            benchmarking,
            truncated_files,
            silent,
            exporting,
            shared_buffer,
            flag_for_a_while,
        ),
    ],
)
def test_a_stage_with_one_fault_fails_one_check(paint, capsys):
    failed, _ = faults(sound(paint), capsys)
    # In a stream, what one frame leaves behind is there at the next.
    leaves = paint in (in_place_style, global_noise, python_noise)
    assert len(failed) == 1 + leaves, failed
    assert ("streams as it paints alone" in failed) == leaves


def test_an_overridden_apply_that_forgets_the_mask_is_found(capsys):
    class Careless(impasto.Stylizer, name="careless"):
        """Darken the picture."""

        def apply(self, canvas):
            return canvas.replace(image=canvas.image * 0.5)

    failed, message = faults(Careless(), capsys)
    assert failed == ["goes as far as its strength", "stays inside the mask"]
    assert "leave `apply` to the base class" in message


def test_a_preprocessor_that_leaves_the_mask_or_the_range_is_found(capsys):
    class Glare(impasto.Preprocessor, name="glare"):
        """Make the picture too bright."""

        def prepare(self, canvas):
            image = canvas.image + 0.5
            return canvas.replace(content=image, image=image)

    failed, message = faults(Glare(), capsys)
    assert failed == ["keeps shape dtype and range", "stays inside the mask"]
    assert "image.clamp(0, 1)" in message
    assert "torch.where(canvas.mask > 0" in message


def test_results_tied_to_gradients_or_inference_are_found(capsys):
    class Tied(impasto.Preprocessor, name="tied"):
        """Give back a picture that wants gradients."""

        def prepare(self, canvas):
            with torch.enable_grad():
                return canvas.replace(image=canvas.image.clone().requires_grad_())

    class Inferred(impasto.Preprocessor, name="inferred"):
        """Give back a picture made in inference mode."""

        def prepare(self, canvas):
            with torch.inference_mode():
                return canvas.replace(image=canvas.image.clone())

    for stage in (Tied(), Inferred()):
        failed, message = faults(stage, capsys)
        assert failed == ["leaves the process as it found it"]
        assert "torch.no_grad() in place of torch.inference_mode()" in message


def test_missing_words_and_unfit_defaults_are_found(capsys):
    class Undescribed(impasto.Postprocessor, name="undescribed"):
        amount: float = impasto.param(default=2, low=0, high=1, help="amount")

        def refine(self, image, content, styles):
            return image

    failed, message = faults(Undescribed(amount=1), capsys)
    assert failed == ["has a summary and helpful parameters"]
    assert "has no docstring" in message

    Undescribed.__doc__ = "Say nothing."
    assert "the help of parameter 'amount' is 'amount'" in faults(Undescribed(amount=1), capsys)[1]

    class Unfit(impasto.Postprocessor, name="unfit"):
        """Blend nothing."""

        amount: float = impasto.param(default=2, low=0, high=1, help="share of the content")

        def refine(self, image, content, styles):
            return image

    assert "the default of parameter 'amount'" in faults(Unfit(amount=1), capsys)[1]


@pytest.mark.parametrize(
    ("annotation", "bounds"),
    [(int, {"low": 1}), (float, {"high": 1}), (tuple[float, ...], {"low": 0, "high": float("inf")}), (int | None, {})],
)
def test_numbers_without_bounds_are_found(annotation, bounds, capsys):
    class Endless(impasto.Postprocessor, name="endless"):
        """Blend nothing."""

        block: int = impasto.param(default=8, choices=(4, 8), help="of nothing, which needs no bounds")
        amount: annotation = impasto.param(help="of nothing, without an end", **bounds)

        def refine(self, image, content, styles):
            return image

    failed, message = faults(Endless(amount=[1] if annotation == tuple[float, ...] else 1), capsys)
    assert failed == ["has a summary and helpful parameters"]
    assert "parameter 'amount' is a number without a lowest and a highest value" in message


def lost_validation():
    class Lost(impasto.Postprocessor, name="lost"):
        """Blend nothing."""

        amount: float = impasto.param(default=0.5, low=0, high=1, help="share of nothing")

        def refine(self, image, content, styles):
            return image

    Lost.__init__ = Lost.__init__.__wrapped__  # without the host's own checks
    return Lost()


def unhelpful_validation(error):
    class Unhelpful(impasto.Postprocessor, name="unhelpful"):
        """Blend nothing."""

        amount: float = impasto.param(default=0.5, low=0, high=1, help="share of nothing")

        def __new__(cls, **values):
            if not isinstance(values.get("amount", 0.5), float):
                raise error
            return super().__new__(cls, **values)

        def refine(self, image, content, styles):
            return image

    return Unhelpful()


@pytest.mark.parametrize(
    ("stage", "fault"),
    [
        (lost_validation(), "amount = {} is taken, and it can be a number, 0 to 1"),
        (unhelpful_validation(KeyError("x")), "amount = {} fails with KeyError: 'x'"),
        (unhelpful_validation(impasto.ParameterError("no")), "amount = {} is refused without its name: no"),
    ],
)
def test_validation_that_is_lost_is_found(stage, fault, capsys):
    failed, message = faults(stage, capsys)
    assert failed == ["refuses what is out of range"]
    assert fault in message


def test_what_is_just_beyond_a_range_is_tried():
    tried = []

    class Watched(impasto.Postprocessor, name="watched"):
        """Blend nothing."""

        amount: float = impasto.param(default=0.5, low=0, high=1, help="share of nothing")
        side: int = impasto.param(default=3, low=1, high=9, odd=True, help="of nothing, in rows")
        size: int = impasto.param(default=8, low=5, high=99, multiple=8, help="of nothing, in pixels")
        levels: tuple[int, ...] = impasto.param(default=(1,), low=1, high=4, help="of nothing, each")
        mode: str = impasto.param(default="a", choices=("a", "b"), help="of doing nothing")
        most: int | None = impasto.param(default=None, low=1, high=2, help="of nothing, or none")

        def __new__(cls, **values):
            tried.append(values)
            return super().__new__(cls, **values)

        def refine(self, image, content, styles):
            return image

    testing.refuses_what_is_out_of_range(Watched())
    for name, values in {
        "amount": [-5e-324, 1.0000000000000002, True, None, "no such choice", []],
        "side": [0, 10, 2, 0.5],
        "size": [4, 9, 100],
        "levels": [[0], [5], [0.5], 3, "text"],
        "mode": ["no such choice", 3],
        "most": [0, 3, 0.5],
    }.items():
        for value in values:
            assert any(name in one and repr(one[name]) == repr(value) for one in tried), (name, value)
    assert sum(one["amount"] != one["amount"] for one in tried[1:]) == 1, "NaN"


class Coarse(impasto.Postprocessor, name="coarse"):
    """Take the coarse lightness off the picture."""

    size: int = impasto.param(default=448, low=64, high=4096, help="longer side in pixels of what is looked at")
    sound: bool = impasto.param(default=False, help="whether what was found is brought back to the picture's size")

    def refine(self, image, content, styles):
        found = image
        scale = self.size / max(image.shape[-2:])
        if scale < 1:
            found = torch.nn.functional.interpolate(image, scale_factor=scale, mode="area")
            if self.sound:
                found = torch.nn.functional.interpolate(found, image.shape[-2:], mode="bilinear")
        return (image - 0.5 * found.mean(1, keepdim=True)).clamp(0, 1)


def test_a_stage_that_fails_above_its_working_size_is_found(capsys):
    failed, message = faults(Coarse(), capsys)
    assert failed == ["paints above its working size", "is announced by its distribution"]
    assert "a picture of 97 pixels where size=64 fails" in message
    assert "torch.nn.functional.interpolate" in message
    assert faults(Coarse(sound=True), capsys)[0] == ["is announced by its distribution"]


class Stamped(impasto.Postprocessor, name="stamped"):
    """Lay the mean of a file's colours over the picture."""

    stamp: str = impasto.param(default="", help="a picture whose mean colour is laid over", reads=True)
    seen: bool = impasto.param(default=False, help="whether only the colours count that one sees")

    def refine(self, image, content, styles):
        given = impasto.read(self.stamp)
        colour = (given.visible if self.seen else given.tensor).mean((2, 3), keepdim=True)
        return 0.5 * image + 0.5 * colour.to(image.device)


@pytest.mark.parametrize("opaque", [True, False])
def test_a_stage_that_counts_hidden_colours_of_a_file_is_found(opaque, tmp_path, capsys):
    levels = (255 * testing.picture(20, 30)[0].permute(1, 2, 0)).byte().numpy()
    alpha = np.where(np.arange(30) < 8, 255 * opaque, 255).astype(np.uint8)
    Image.fromarray(np.dstack([levels, np.broadcast_to(alpha, (20, 30))])).save(tmp_path / "stamp.png")
    stage = Stamped(stamp=str(tmp_path / "stamp.png"))
    failed, message = faults(stage, capsys)
    assert failed == ["looks at no hidden colour", "is announced by its distribution"]
    assert "stamp: two files that look alike" in message
    assert "impasto.read(...).visible" in message
    assert faults(replace(stage, seen=True), capsys)[0] == ["is announced by its distribution"]


def test_a_stage_that_toml_loses_is_found(capsys):
    class Lossy(impasto.Postprocessor, name="lossy"):
        """Blend nothing."""

        stage: str = impasto.param(default="last", help="which stage of the moon")

        def refine(self, image, content, styles):
            return image

    failed, message = faults(Lossy(), capsys)
    assert failed == ["survives toml and repr"]
    assert "none of them called 'stage'" in message


def test_weights_that_are_not_records_are_found(capsys):
    class Loose(impasto.Postprocessor, name="loose"):
        """Blend nothing."""

        def refine(self, image, content, styles):
            return image

        def weights(self):
            return ["decoder.pth"]

    failed, message = faults(Loose(), capsys)
    assert failed == ["declares its weights"]
    assert "impasto.Weights records" in message


SECRET = impasto.Weights("secret.pth", "0" * 64, 7, "MIT", "a test", "nothing")


def test_weights_that_are_not_listed_beforehand_are_found(capsys):
    class Secret(impasto.Postprocessor, name="secret"):
        """Blend nothing."""

        def refine(self, image, content, styles):
            return image

        def weights(self):
            return (SECRET,)

    failed, message = faults(Secret(), capsys)
    assert failed == ["declares its weights"]
    assert "secret.pth, which known_weights does not list" in message


@pytest.mark.parametrize(
    ("ask", "named"),
    [
        (lambda: impasto.encoder("slim19"), "slim19.safetensors"),
        (lambda: impasto.decoder("adain-slim19"), "adain-slim19.safetensors"),
        (lambda: find(SLIM19), "slim19.safetensors"),
    ],
)
def test_networks_that_are_asked_for_and_not_declared_are_found(ask, named, capsys):
    def paint(content, styles):
        ask()
        return tint(content, styles)

    failed, message = faults(sound(paint), capsys)
    assert failed == ["declares its weights"]
    assert f"it paints with {named}, which weights() does not return" in message


def test_networks_by_name_that_weights_returns_are_declared(capsys):
    class Open(impasto.Postprocessor, name="open"):
        """Blend nothing."""

        def refine(self, image, content, styles):
            impasto.decoder("adain-slim19")
            return image

        def weights(self):
            return records("adain-slim19")

    assert faults(Open(), capsys)[0] == []


def test_a_missing_style_must_be_explained(capsys):
    class Greedy(impasto.Postprocessor, name="greedy"):
        """Take the style's first pixel."""

        def refine(self, image, content, styles):
            return 0.5 * image + 0.5 * styles[0].image[..., :1, :1]

    failed, message = faults(Greedy(), capsys)
    assert failed == ["says what is wrong"]
    assert "given no style, it fails with IndexError" in message


def test_an_unannounced_stage_is_told_what_to_type(capsys):
    failed, message = faults(Unannounced(), capsys)
    assert failed == ["is announced by its distribution"]
    assert "impasto_postprocessors that returns [Unannounced]" in message
    assert "[project.entry-points.impasto] unannounced = " in message


def test_another_class_under_the_name_is_found(monkeypatch):
    class Other(impasto.Postprocessor, name="unannounced"):
        """Also."""

    plugin = type("plugin", (), {"impasto_postprocessors": staticmethod(impasto.hookimpl(lambda: [Other]))})
    monkeypatch.setattr("impasto.host.registry._installed", lambda: impasto.Host(plugin))
    with pytest.raises(AssertionError, match=r"offers another class as 'unannounced'"):
        testing.is_announced_by_its_distribution(Unannounced())


# ---------------------------------------------------------------------------------- how the kit behaves


def test_a_stage_that_does_not_run_is_blamed_once(capsys):
    failed, message = faults(sound(lambda content, styles: content[9]), capsys)
    assert failed == ["keeps shape dtype and range", "says what is wrong"]
    assert "index 9 is out of bounds" in message


def test_an_error_that_the_kit_does_not_foresee_is_a_failed_check_and_the_others_run(monkeypatch, capsys):
    stage = sound(tint)
    monkeypatch.setattr(type(stage), "summary", lambda: [][9])
    failed, message = faults(stage, capsys)
    assert failed == ["has a summary and helpful parameters"]
    assert "has a summary and helpful parameters: IndexError: list index out of range" in message
    with pytest.raises(AssertionError, match="IndexError"):  # which is no failure that anybody expects
        testing.check_stage(stage, expected_failures={"has_a_summary_and_helpful_parameters": "none yet"})
    assert len(capsys.readouterr().out.splitlines()) == 1 + len(testing.CHECKS)


def test_a_sound_stage_is_not_accused_of_what_torch_makes_by_default():
    torch.set_default_dtype(torch.float64)
    try:
        testing.keeps_shape_dtype_and_range(sound(tint))
        testing.stays_inside_the_mask(sound(tint))
        testing.says_what_is_wrong(sound(tint))
    finally:
        torch.set_default_dtype(torch.float32)
    with torch.device("meta"):
        made = testing.harness.Inputs.of_odd_size(sound(tint), 0, 1).with_mask()
    assert {one.device.type for one in (made.content, made.style, made.mask)} == {"cpu"}


def test_the_report_is_a_line_for_each_check(capsys):
    testing.check_stage(sound(tint, strength=0.5))
    first, *lines = capsys.readouterr().out.splitlines()
    assert first == "Sound()"
    # It has neither networks, state, regions nor tiles, and this machine may have no GPU.
    assert [line[:12].split()[0] for line in lines].count("skipped") <= 6
    assert len(lines) == len(testing.CHECKS)


def test_expected_failures_in_a_notebook_are_shown_and_stay_true(capsys):
    names = ("treats_each_image_of_a_batch_alone", "a_batch_is_as_one_by_one")
    reason = dict.fromkeys(names, "one palette for all")
    testing.check_stage(sound(over_the_batch), expected_failures=reason)
    assert "expected  treats each image of a batch alone: one palette for all" in capsys.readouterr().out
    with pytest.raises(AssertionError, match=r"was expected to fail \(one palette for all\) and passes"):
        testing.check_stage(sound(tint), expected_failures=reason)


@pytest.mark.parametrize(
    ("preset", "message"),
    [
        (impasto.Preset("more of the style", strength=2), "making the preset 'strong'.*0 to 1"),
        (impasto.Preset("more of the style", strength=0.5), "'strong' is the same as the defaults"),
        (impasto.Preset("as strong as soft is", strength=0.2), "'strong' is the same as the preset 'soft'"),
        (impasto.Preset("strong", strength=0.9), "the help of preset 'strong' is 'strong'"),
    ],
)
def test_presets_that_do_not_fit_or_change_nothing_are_found(preset, message):
    testing.has_presets_that_differ(sound(tint))
    soft = {"soft": impasto.Preset("less of the style", strength=0.2)}
    testing.has_presets_that_differ(sound(tint, presets=soft))
    with pytest.raises(AssertionError, match=f"(?s){message}.*what would work: "):
        testing.has_presets_that_differ(sound(tint, presets=soft | {"strong": preset}))


@pytest.mark.parametrize("use", [partial(testing.check_stage, Iterative()), testing.parametrize_checks])
def test_a_misspelt_expected_failure_is_refused(use):
    with pytest.raises(ValueError, match="did you mean 'stays_inside_the_mask'"):
        use(expected_failures={"stays_inside_mask": "no masks"})


@pytest.mark.parametrize("use", [testing.check_stage, testing.parametrize_checks])
def test_a_class_that_was_not_called_is_refused(use):
    with pytest.raises(TypeError, match=r"what to type: Iterative\(\)"):
        use(Iterative)


def test_a_stage_runs_as_often_as_needed_and_no_more():
    runs = []

    def counted(content, styles):
        runs.append(content.shape)
        return tint(content, styles)

    testing.check_stage(sound(counted))
    # a batch, again, one alone, grey, tiny, masked, bfloat16 (no style never reaches it); and one for a GPU
    # another alone, and both four times at once; under other defaults; on pretend devices that are not there;
    # three frames of a stream, and at once
    assert len(runs) == 7 + torch.cuda.is_available() + 1 + 8 + 1 + (2 - torch.cuda.is_available()) + 4


def test_a_class_changed_in_a_notebook_is_checked_anew(capsys):
    stage = sound(tint)
    assert faults(stage, capsys)[0] == []
    type(stage).stylize = lambda self, content, styles, guides: content.mul_(0.5)
    assert "leaves its inputs alone" in faults(stage, capsys)[0]


def test_the_kit_itself_leaves_the_process_as_it_found_it(capsys):
    before = process_state.read_settings()
    switches = sys.getswitchinterval()
    for paint in (python_noise, numpy_seed, reseeding, doubles, threads, gradients, deterministic, silent, exporting):
        faults(sound(paint), capsys)
    assert process_state.read_settings() == before
    assert sys.getswitchinterval() == switches


def test_in_pytest_names_are_readable_and_expected_failures_strict(pytester):
    pytester.makepyfile(
        """
        import impasto
        from impasto.testing import parametrize_checks

        def stages():
            class Fade(impasto.Postprocessor, name="fade"):
                '''Blend the picture with the content.'''
                amount: float = impasto.param(default=0.5, low=0, high=1, help="share of the content")
                def refine(self, image, content, styles):
                    return image.lerp(image.mean(), self.amount)
            return Fade(), Fade(amount=0)

        @parametrize_checks(*stages(), expected_failures={"treats_each_image_of_a_batch_alone": "one mean"})
        def test_fade(stage, check):
            check(stage)
        """
    )
    result = pytester.runpytest_inprocess("-v", "-p", "no:cacheprovider")
    result.stdout.fnmatch_lines(
        [
            "*test_fade[[]Fade()-has_a_summary_and_helpful_parameters[]] PASSED*",
            "*test_fade[[]Fade()-treats_each_image_of_a_batch_alone[]] XFAIL*",
            "*test_fade[[]Fade()-is_announced_by_its_distribution[]] SKIPPED*",
            "*test_fade[[]Fade(amount=0.0)-treats_each_image_of_a_batch_alone[]] FAILED*",
        ]
    )


def test_a_stage_may_be_made_inside_each_test(pytester):
    pytester.makepyfile(
        """
        import impasto, pytest
        from impasto.testing import parametrize_checks

        @pytest.fixture(autouse=True)
        def network(monkeypatch):
            monkeypatch.setenv("SHADE", "0.5")

        def faded():
            import os
            class Fade(impasto.Postprocessor, name="fade"):
                '''Blend the picture with grey.'''
                shade: float = impasto.param(default=float(os.environ["SHADE"]), low=0, high=1, help="of the grey")
                def refine(self, image, content, styles):
                    return image.lerp(self.shade + 0 * image, 0.5)
            return Fade()

        @parametrize_checks(faded)
        def test_fade(stage, check):
            check(stage)
        """
    )
    result = pytester.runpytest_inprocess("-v", "-p", "no:cacheprovider", "-k", "keeps or toml or mask")
    result.stdout.fnmatch_lines(["*test_fade[[]faded()-keeps_shape_dtype_and_range[]] PASSED*"])
    result.assert_outcomes(passed=3, deselected=len(testing.CHECKS) - 3)


def test_what_is_not_checked_is_refused_with_what_is():
    with pytest.raises(ValueError, match=r"of = 'stagee' is nothing that is checked(.|\n)*did you mean 'stage'"):
        testing.parametrize_checks(Noisy(), of="stagee")


def test_every_check_is_a_sentence_with_a_promise():
    for check in testing.CHECKS:
        assert isinstance(check, type(tint))
        assert check.__doc__ is not None
        assert check.__doc__.split(".")[0]
        assert testing.sentence(check).split()[0] in {
            *(
                "has",
                "survives",
                "keeps",
                "leaves",
                "repeats",
                "treats",
                "says",
                "stays",
                "declares",
                "works",
            ),
            *(
                "agrees",
                "is",
                "gives",
                "goes",
                "refuses",
                "paints",
                "looks",
                "does",
                "runs",
                "streams",
                "a",
                "each",
                "tiles",
            ),
        }


class Grow(impasto.Preprocessor, name="grow-for-tests"):
    """Paint the masked part black; there has to be a mask."""

    def prepare(self, canvas):
        if canvas.mask is None:
            raise impasto.StageError("grow-for-tests: there is no mask")
        return canvas.replace(image=torch.where(canvas.mask > 0, 0.0, canvas.image))


class Mask(impasto.Preprocessor, name="mask-for-tests"):
    """Mask the left half."""

    def prepare(self, canvas):
        mask = canvas.image.new_zeros(1, 1, *canvas.image.shape[-2:])
        mask[..., : mask.shape[-1] // 2] = 1 if canvas.mask is None else canvas.mask[..., : mask.shape[-1] // 2]
        return canvas.replace(mask=mask)


@testing.parametrize_checks(
    Grow(), before=[Mask()], expected_failures={"is_announced_by_its_distribution": "defined in this file"}
)
def test_a_stage_that_needs_a_mask_is_checked_behind_one_that_makes_it(stage, check):
    check(stage)


def test_without_the_stage_before_it_the_check_fails():
    with pytest.raises(AssertionError, match="there is no mask"):
        testing.keeps_shape_dtype_and_range(Grow())
