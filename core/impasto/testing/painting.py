"""Checks of the pictures a stage paints: size, range, batches, masks, and words where there is no picture."""

from __future__ import annotations

import re
import traceback
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from unittest import SkipTest

import torch
from PIL import Image
from torch import Tensor

from ..errors import StageError
from ..picture import Picture, read
from ..stage import Preprocessor, Stage, Stylizer
from ..validation import shape
from .harness import (
    ODD_SIZE,
    Inputs,
    Observation,
    baseline,
    first_observation,
    mean_difference,
    observation,
    observe,
    picture,
    repeatable_baseline,
    repetition,
    require,
    works,
)
from .process_state import GENERATOR

LEAST_SIZE = 16
"""Pixels; the smallest working size that a stage is given."""
BATCH_TOLERANCE = 0.5 / 255
"""Mean difference allowed between a picture of a batch and the same picture alone: half a step of 8 bits."""


def keeps_shape_dtype_and_range(stage: Stage) -> None:
    """A batch of two odd-sized pictures, with a style of another size, gives a batch of finite pictures."""
    seen = first_observation(stage)
    with works("a run on two pictures of odd size, with a style of another size,", "see the error above"):
        if isinstance(seen, Exception):
            raise seen
    assert isinstance(seen, Observation)
    before, image = seen.before, seen.image
    require(
        image.shape[:2] == before.image.shape[:2]
        and (isinstance(stage, Preprocessor) or image.shape == before.image.shape),
        f"was given {shape(before.image)} and gave back {shape(image)}",
        "return a picture of the size of the content, for every picture of the batch",
    )
    require(image.dtype == torch.float32, f"gave back {image.dtype}", "return float32, image.float()")
    low, high = float(image.min()), float(image.max())
    require(
        low >= 0 and high <= 1,
        f"gave back values from {low:.3g} to {high:.3g}",
        "image.clamp(0, 1) at the end; a preprocessor does so itself",
    )


def paints_above_its_working_size(stage: Stage) -> None:
    """Content and style that are larger than every size the stage works at are painted, at their own odd size.

    A parameter counts as such a size where it is a whole number, its help says that it is in pixels, and the kit's
    other pictures do not exceed it.  It is made as small as it can be, so that the pictures need not be large.
    """
    sizes = {
        name: max(parameter.low or 0, LEAST_SIZE)
        for name, parameter in type(stage).parameters().items()
        if "pixels" in parameter.help
        and isinstance(value := getattr(stage, name), int)
        and value > min(ODD_SIZE)
        and (parameter.high is None or parameter.high >= LEAST_SIZE)
    }
    if not sizes:
        return  # the kit's other pictures are large enough
    baseline(stage)
    longer = max(int(1.5 * max(sizes.values())), *ODD_SIZE) | 1
    inputs = Inputs(picture(longer * 3 // 4 | 1, longer), picture(longer + 6, longer // 2, 0.7))
    advice = "what was found at the working size to be resized to the picture's: torch.nn.functional.interpolate"
    with works(f"a picture of {longer} pixels where {', '.join(f'{k}={v}' for k, v in sizes.items())}", advice):
        image = observe(replace(stage, **sizes), inputs).image
    require(
        isinstance(stage, Preprocessor) or image.shape == inputs.content.shape,
        f"was given {shape(inputs.content)} and gave back {shape(image)}",
        advice,
    )


def looks_at_no_hidden_colour(stage: Stage) -> None:
    """What lies under transparent pixels of a picture that the stage reads from a file makes no difference."""
    for name, parameter in type(stage).parameters().items():
        value = getattr(stage, name)
        if not (parameter.reads and isinstance(value, str) and value):
            continue
        try:
            given = read(value)
        except (ValueError, OSError):
            continue  # it names no picture
        baseline(stage)
        with TemporaryDirectory() as folder:
            seen = [
                _outcome(replace(stage, **{name: str(_with_hidden_colour(given, level, folder))}))
                for level in (0.0, 1.0)
            ]
        require(
            all(map(_is_equal, *seen)),
            f"{name}: two files that look alike, with other colours where they are transparent, give other results",
            "impasto.read(...).visible, which has none of them, or its alpha",
        )


def _with_hidden_colour(given: Picture, level: float, folder: str) -> Path:
    """Write a picture whose transparent part, a corner at least, is of one colour, and return the file."""
    alpha = torch.ones_like(given.tensor[:1, :1]) if given.alpha is None else given.alpha[:1].clone()
    alpha[..., : (alpha.shape[-2] + 2) // 3, : (alpha.shape[-1] + 2) // 3] = 0
    colours = torch.where(alpha > 0, given.tensor[:1], level)
    levels = (255 * torch.cat([colours, alpha], 1)).round().byte()[0].permute(1, 2, 0)
    file = Path(folder) / f"{level:g}.png"
    Image.fromarray(levels.numpy()).save(file)
    return file


def _outcome(stage: Stage) -> tuple[Tensor | str | None, ...]:
    """Return the picture, mask and regions after a stage; or how it refuses, which is a result too."""
    try:
        after = observe(stage, Inputs.of_odd_size(stage, 0.0)).after
    except StageError as error:
        return (re.sub(r"[^\s'\"]+\.png", "", str(error)), None, None)
    return after.image, after.mask, after.guides


def _is_equal(one: Tensor | str | None, other: Tensor | str | None) -> bool:
    if isinstance(one, Tensor) and isinstance(other, Tensor):
        return torch.equal(one, other)
    return type(one) is type(other) and one == other


def leaves_its_inputs_alone(stage: Stage) -> None:
    """Content and style have the same values after a run as before."""
    before, inputs = baseline(stage).before, Inputs.of_odd_size(stage, 0.0, 1.0)
    assert inputs.style is not None
    for name, now, given in (
        ("content", before.image, inputs.content),
        ("style", before.styles[0].image, inputs.style),
    ):
        require(
            torch.equal(now, given),
            f"writes into the {name} it is given",
            f"{name}.clone() first, or operations without a trailing underscore: x = x * 2, not x.mul_(2)",
        )


def repeats_itself_under_one_seed(stage: Stage) -> None:
    """The same pictures and the same seed give the same bits, on the CPU."""
    first, second = baseline(stage), repetition(stage)
    require(
        torch.equal(first.image, second.image),
        f"the same seed gave another picture (mean difference {mean_difference(first.image, second.image):.2g})",
        f"{GENERATOR}, not numpy.random or a generator of your own; and no state kept between runs",
    )


def treats_each_image_of_a_batch_alone(stage: Stage) -> None:
    """A picture comes out of a batch as it comes out alone.

    Stages that draw random numbers or report steps are given another neighbour in the batch instead,
    since the noise of a batch is not that of a single picture.
    """
    batch = repeatable_baseline(stage)
    second = batch.image[1:]
    if batch.random or batch.steps:
        other = observation(stage, 0.6, 1.0).image[1:]
        change = "when its neighbour in the batch is another"
    else:
        other = observation(stage, 1.0).image
        change = "when it is painted alone"
    distance = mean_difference(second, other) if second.shape == other.shape else float("inf")
    require(
        distance <= BATCH_TOLERANCE,
        f"a picture differs by {distance:.2g} on average {change}; {BATCH_TOLERANCE:.2g} is allowed",
        "statistics over dimensions (2, 3), never over dimension 0; the sum, not the mean, of the losses of"
        " the pictures. An optimiser that couples pictures (L-BFGS) may name this check in expected_failures",
    )


def says_what_is_wrong(stage: Stage) -> None:
    """Grey, tiny and missing pictures are painted, or refused in words that a person understands."""
    small = max(24, getattr(stage, "smallest", 1))
    grey = (255 * picture(small, small + 3).mean(1, keepdim=True)).byte()
    flat = torch.full((1, 1, small, small), 128, dtype=torch.uint8, device="cpu")
    tiny = picture(3, 3)
    cases = {
        "a grey content of whole numbers and a flat grey style": Inputs(grey, flat),
        "a content and a style of 3×3 pixels": Inputs(tiny, picture(3, 3, 0.7)),
        "no style": Inputs(picture(small, small + 3), None),
    }
    for case, inputs in cases.items():
        try:
            observe(stage, inputs)
        except Exception as error:
            cause = error.__cause__ or error
            frames = traceback.extract_tb(cause.__traceback__)
            inside = Path(frames[-1].filename).is_relative_to(Path(torch.__file__).parent) if frames else False
            require(
                isinstance(cause, (StageError, ValueError, TypeError)) and str(cause).strip() and not inside,
                f"given {case}, it fails with {type(cause).__name__}: {cause}",
                "a check at the start that raises ValueError or impasto.StageError with what was found and"
                " what would work; for pictures that are too small, smallest: ClassVar[int] = 16",
            )


def goes_as_far_as_its_strength(stage: Stage) -> None:
    """At strength 0 a stylizer leaves the picture as it is, and at a half it stays nearer to it than at 1.

    Looked at where a stylizer has terms of its own for it, or its own `apply`: the host's mixture cannot go astray.
    """
    if not isinstance(stage, Stylizer):
        raise SkipTest("is no stylizer, and has no strength")
    kind = type(stage)
    if kind.apply is Stylizer.apply and kind.at_strength is Stylizer.at_strength:
        raise SkipTest("is mixed with the picture by the host")
    inputs = Inputs.of_odd_size(stage, 0.0, 1.0)
    none, half, whole = (observe(replace(stage, strength=share), inputs) for share in (0.0, 0.5, 1.0))
    advice = "leave `apply` to the base class, which goes as far as `strength` says"
    left = mean_difference(none.image, none.before.image)
    require(left == 0, f"at strength = 0 the picture changes by {left:.2g} on average", advice)
    near, far = (mean_difference(one.image, one.before.image) for one in (half, whole))
    require(
        near <= far,
        f"half the strength changes the picture by {near:.2g} on average, and all of it by {far:.2g}",
        "a mixture that goes further from the picture, the higher the strength",
    )


def stays_inside_the_mask(stage: Stage) -> None:
    """Where the mask is 0 the picture keeps its bits."""
    inputs = Inputs.of_odd_size(stage, 0.0).with_mask()
    baseline(stage)
    with works("a run with a mask", "leave `apply` to the base class, which paints inside the mask only"):
        masked = observe(stage, inputs)
    if isinstance(stage, Preprocessor) and masked.after.mask is not masked.before.mask:
        raise SkipTest("sets the mask itself")
    if masked.image.shape != masked.before.image.shape:
        raise SkipTest("changes the size of the picture")
    changed = (masked.image != masked.before.image) & (inputs.mask == 0)
    require(
        not changed.any(),
        f"{int(changed.any(1).sum())} pixels outside the mask are not what they were",
        "torch.where(canvas.mask > 0, …, canvas.image) at the end of prepare()"
        if isinstance(stage, Preprocessor)
        else "leave `apply` to the base class, which paints inside the mask only",
    )
