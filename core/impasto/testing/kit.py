"""The conformance kit: what every stage promises to the people who chain it with others, as checks.

In a notebook, `check_stage(AdaIN())`; in a plugin's tests, one line:

    from impasto.testing import parametrize_checks

    @parametrize_checks(AdaIN(), AdaIN(alpha=0.5))
    def test_adain(stage, check):
        check(stage)

Iterative stages should be given few steps: each is run eight times, on pictures of about 37×53 pixels.
A stage that needs a mask or regions is checked behind one that makes them: `before=[MaskRectangle()]`.
"""

from __future__ import annotations

import sys
import traceback
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import MISSING, dataclass, field
from functools import lru_cache, wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest import SkipTest

import torch
from torch import Tensor

from ..device import Precision
from ..errors import StageError, suggestion
from ..host import get_host, hookimpl
from ..pipeline import Pipeline
from ..stage import Canvas, Preprocessor, Stage
from ..validation import shape
from ..weights import Weights

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

if TYPE_CHECKING:
    import pytest

Check = Callable[[Stage], None]

BATCH_TOLERANCE = 0.5 / 255
"""Mean difference allowed between a picture of a batch and the same picture alone: half a step of 8 bits."""
DEVICE_TOLERANCE = 2 / 255
"""Mean difference allowed between the CPU and an accelerator."""
ITERATIVE_DEVICE_TOLERANCE = 8 / 255
"""The same for stages that report steps, since each step magnifies the rounding of those before it."""
BFLOAT16_TOLERANCE = 0.1
"""Mean difference allowed between bfloat16 and float32."""

SEED = 1889


# ------------------------------------------------------------------------------------------- in a notebook


def check_stage(
    stage: Stage, *, before: Sequence[Stage] = (), expected_failures: Mapping[str, str] | None = None
) -> None:
    """Run every check on a stage, print a line for each, and raise if any fails.

    Args:
        stage: the stage, with the parameters to check it with; small steps keep an iterative one quick.
        before: stages that run before it, and make what it needs.
        expected_failures: reasons by name of check, for promises that the method cannot keep; one that
            is kept after all counts as a failure, so that the list stays true.

    Raises:
        AssertionError: lists every failure with advice.

    Example:
        >>> import impasto, impasto.testing
        >>> class Negative(impasto.Postprocessor, name="negative"):
        ...     '''Turn the painted picture into its negative.'''
        ...     def refine(self, image, content, styles):
        ...         return 1 - image
        >>> impasto.testing.check_stage(Negative())
        Negative()
          ok        has a summary and helpful parameters
        ...
    """
    _require_stage(stage)
    expected = _known(expected_failures)
    _attempt_behind.cache_clear()  # in a notebook the same class may have changed what it does
    failures = []
    print(stage)
    for check in CHECKS:
        reason = expected.get(check.__name__)
        outcome, note = "ok", ""
        try:
            _behind(before, check)(stage)
            if reason is not None:
                outcome = "failed"
                failures.append(
                    f"{sentence(check)}: was expected to fail ({reason}) and passes\n"
                    "  what would work: take it out of expected_failures"
                )
        except SkipTest as skipped:
            outcome, note = "skipped", f": {skipped}"
        except AssertionError as failure:
            outcome, note = ("failed", "") if reason is None else ("expected", f": {reason}")
            if reason is None:
                failures.append(f"{sentence(check)}: {failure}")
        print(f"  {outcome:9} {sentence(check)}{note}")
    if failures:
        raise AssertionError(f"{stage!r} fails {len(failures)} of {len(CHECKS)} checks\n\n" + "\n\n".join(failures))


# ----------------------------------------------------------------------------------------------- in pytest


def parametrize_checks(
    *stages: Stage, before: Sequence[Stage] = (), expected_failures: Mapping[str, str] | None = None
) -> pytest.MarkDecorator:
    """Make a test of every check on every stage; it takes `stage` and `check`, and calls `check(stage)`.

    Args:
        stages: with the parameters to check them with.
        before: stages that run before each of them, and make what it needs, such as a mask.
        expected_failures: reasons by name of check, for promises that these stages cannot keep; each
            becomes a strict xfail.

    Example:
        >>> import impasto.testing
        >>> @impasto.testing.parametrize_checks()
        ... def test_adain(stage, check):
        ...     check(stage)
    """
    import pytest

    expected = _known(expected_failures)
    cases = []
    for stage in stages:
        _require_stage(stage)
        for check in CHECKS:
            reason = expected.get(check.__name__)
            marks = [] if reason is None else [pytest.mark.xfail(reason=reason, strict=True, raises=AssertionError)]
            cases.append(pytest.param(stage, _behind(before, check), id=f"{stage!r}-{check.__name__}", marks=marks))
    return pytest.mark.parametrize(("stage", "check"), cases)


def sentence(check: Check) -> str:
    """Return a check's name as words."""
    return check.__name__.replace("_", " ")


_before: ContextVar[tuple[Stage, ...]] = ContextVar("before", default=())


def _behind(before: Sequence[Stage], check: Check) -> Check:
    """Return a check that runs the stage behind others."""
    for one in before:
        _require_stage(one)

    @wraps(check)
    def checked(stage: Stage) -> None:
        token = _before.set(tuple(before))
        try:
            check(stage)
        finally:
            _before.reset(token)

    return checked


def _require_stage(stage: Any) -> None:
    if isinstance(stage, type):
        raise TypeError(f"{stage.__name__} is a kind of stage\n  what to type: {stage.__name__}()")
    if not isinstance(stage, Stage):
        raise TypeError(f"the kit checks stages, found {type(stage).__name__}")


def _known(expected_failures: Mapping[str, str] | None) -> Mapping[str, str]:
    names = [check.__name__ for check in CHECKS]
    for name in expected_failures or {}:
        if name not in names:
            raise ValueError(
                f"expected_failures: there is no check {name!r}{suggestion(name, names)}\n"
                f"  the checks: {', '.join(names)}"
            )
    return expected_failures or {}


# ------------------------------------------------------------------------------------------ pictures and runs


def picture(height: int, width: int, turn: float = 0.0) -> Tensor:
    """Return a test picture (1, 3, H, W): gradients, stripes, a disc; `turn` 0 is dark, 1 bright."""
    y = torch.linspace(0, 1, height)[:, None]
    x = torch.linspace(0, 1, width)[None]
    stripes = 0.5 + 0.5 * torch.sin(25 * ((1 - turn) * x + turn * y) + 9 * turn * x)
    disc = ((x - 0.5 + 0.2 * turn).square() + (y - 0.4).square() < 0.08).float()
    red = (1 - turn) * x + turn * (1 - y)
    green = 0.7 * stripes + 0.3 * y
    blue = 0.8 * disc + 0.2 * (1 - turn) * y + 0.2 * turn * x
    # Pictures of a batch differ much in brightness, so that statistics taken over the batch show.
    return (0.3 + 0.7 * turn) * torch.stack([red.expand_as(disc), green, blue])[None].clamp(0, 1)


@dataclass
class Inputs:
    """What a stage is run on, kept apart so that a change to it can be seen."""

    content: Tensor
    style: Tensor | None
    mask: Tensor | None = None

    @classmethod
    def usual(cls, stage: Stage, *turns: float) -> Inputs:
        """Return odd-sized contents, one for each turn, and a style of another size."""
        smallest = getattr(stage, "smallest", 1)
        height, width = max(37, smallest | 1), max(53, smallest | 1)
        content = torch.cat([picture(height, width, turn) for turn in turns])
        return cls(content, picture(max(48, smallest), max(40, smallest), 0.7))


@dataclass
class Run:
    """One run of a stage, as the canvas before and after it and what happened to torch meanwhile."""

    before: Canvas
    after: Canvas
    draws: bool
    """Whether the stage drew from torch's global random numbers."""
    steps: int
    """How many steps an iterative stage reported."""
    changed: Mapping[str, tuple[Any, Any]]
    """What the stage left otherwise in torch, each as found and as left."""

    @property
    def image(self) -> Tensor:
        """The picture, (B, 3, H, W)."""
        return self.after.image.detach()


# What belongs to the person who runs the pipeline, and not to a stage: how to look at it, how to put it back,
# and what a stage can do instead.
TORCH: dict[str, tuple[Callable[[], Any], Callable[[Any], Any], str]] = {
    "the seed of the random numbers": (
        torch.initial_seed,
        torch.manual_seed,
        "no seed in the stage: the pipeline has one, pipe(..., seed=3)",
    ),
    "the gradient mode": (
        torch.is_grad_enabled,
        torch.set_grad_enabled,
        "a block, with torch.enable_grad(): ...",
    ),
    "the default dtype": (torch.get_default_dtype, torch.set_default_dtype, "dtype= where a tensor is made"),
    "the default device": (torch.get_default_device, torch.set_default_device, "device=content.device"),
    "the number of threads": (torch.get_num_threads, torch.set_num_threads, "leaving it to the user"),
    "deterministic algorithms": (
        torch.are_deterministic_algorithms_enabled,
        torch.use_deterministic_algorithms,
        "leaving them to the user",
    ),
    "the precision of matrix products": (
        torch.get_float32_matmul_precision,
        torch.set_float32_matmul_precision,
        "x.double() where float32 is too coarse",
    ),
}


@dataclass
class _Witness:
    steps: int = 0
    runs: list[Run] = field(default_factory=list)

    @hookimpl(wrapper=True)
    def impasto_run_stage(self, stage: Stage, canvas: Canvas) -> Iterator[None]:
        found = {name: look() for name, (look, *_) in TORCH.items()}
        numbers = torch.get_rng_state()
        changed = {}
        try:
            result: Canvas = yield  # type: ignore[assignment]
        finally:
            draws = not torch.equal(numbers, torch.get_rng_state())
            for name, (look, put_back, _) in TORCH.items():
                left = look()
                if left != found[name]:
                    changed[name] = (found[name], left)
                    put_back(found[name])
        self.runs.append(Run(canvas, result, draws, self.steps, changed))
        return result  # type: ignore[return-value]

    @hookimpl
    def impasto_step(self) -> None:
        self.steps += 1


def run(stage: Stage, inputs: Inputs, *, device: str = "cpu", precision: Precision = "float32") -> Run:
    """Run a stage on copies of the inputs, behind the stages that make what it needs."""
    witness = _Witness()
    content, style, mask = (None if one is None else one.clone() for one in (inputs.content, inputs.style, inputs.mask))
    pipe = Pipeline(*_before.get(), stage)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # what a stage has to say about the kit's odd pictures
        pipe(content, style, mask=mask, device=device, precision=precision, seed=SEED, plugins=[witness])
    return witness.runs[-1]


def _attempt(stage: Stage) -> Run | Exception:
    """Run a stage on a batch of two, once for all checks that need no more."""
    return _attempt_behind(_before.get(), stage)


@lru_cache(maxsize=4)
def _attempt_behind(before: tuple[Stage, ...], stage: Stage) -> Run | Exception:
    try:
        return run(stage, Inputs.usual(stage, 0.0, 1.0))
    except Exception as error:  # kept for the check that reports it
        return error


def _baseline(stage: Stage) -> Run:
    found = _attempt(stage)
    if isinstance(found, Exception):
        raise SkipTest(f"waits for '{sentence(keeps_shape_dtype_and_range)}'")
    return found


@contextmanager
def _works(task: str, advice: str) -> Iterator[None]:
    try:
        yield
    except Exception as error:
        raise AssertionError(f"{task} fails\n  {error}\n  what would work: {advice}") from error


def _require(kept: Any, found: str, advice: str) -> None:
    if not kept:
        raise AssertionError(f"{found}\n  what would work: {advice}")


def _distance(one: Tensor, other: Tensor) -> float:
    return float((one.cpu().float() - other.cpu().float()).abs().mean())


# --------------------------------------------------------------------------------------------------- checks


def has_a_summary_and_helpful_parameters(stage: Stage) -> None:
    """The class has a docstring, and every parameter a help text and a default that fits its range."""
    kind = type(stage)
    _require(
        kind.name,
        f"{kind.__name__} has no name",
        f"class {kind.__name__}(impasto.{kind.__mro__[1].__name__}, name='…')",
    )
    _require(
        kind.summary(),
        f"{kind.__name__} has no docstring",
        "a first line that says what it does to a picture, such as '''Reduce each colour to few levels.'''",
    )
    for name, parameter in kind.parameters().items():
        _require(
            len(parameter.help.split()) > 1 and parameter.help.strip(". ").lower() != name.replace("_", " "),
            f"the help of parameter {name!r} is {parameter.help!r}",
            "a few words on what it does to the picture, with its unit",
        )
        if parameter.default is not MISSING:
            with _works(f"the default of parameter {name!r}", "a default inside the range that is declared"):
                parameter.convert(stage.name, parameter.default)


def survives_toml_and_repr(stage: Stage) -> None:
    """The same stage comes back from a pipeline file, and from its own text form."""
    kind = type(stage)
    advice = "parameters of type bool, int, float, str, or tuples of these, none of them called 'stage'"
    with _works("writing the stage to TOML and reading it back", advice):
        (table,) = tomllib.loads(Pipeline(stage).to_toml())["stages"]
        named = table.pop("stage")
        back = kind(**table)
    _require(named == stage.name and back == stage, f"{stage!r} comes back from TOML as {back!r}", advice)
    with _works(f"evaluating its text form, {stage!r},", "leave __repr__ to the base class"):
        written = eval(repr(stage), {kind.__name__: kind})
    _require(written == stage, f"{stage!r} evaluates to {written!r}", "leave __repr__ to the base class")


def keeps_shape_dtype_and_range(stage: Stage) -> None:
    """A batch of two odd-sized pictures, with a style of another size, gives a batch of finite pictures."""
    found = _attempt(stage)
    with _works("a run on two pictures of odd size, with a style of another size,", "see the error above"):
        if isinstance(found, Exception):
            raise found
    assert isinstance(found, Run)
    before, image = found.before, found.image
    _require(
        image.shape[:2] == before.image.shape[:2]
        and (isinstance(stage, Preprocessor) or image.shape == before.image.shape),
        f"was given {shape(before.image)} and gave back {shape(image)}",
        "return a picture of the size of the content, for every picture of the batch",
    )
    _require(image.dtype == torch.float32, f"gave back {image.dtype}", "return float32, image.float()")
    low, high = float(image.min()), float(image.max())
    _require(
        low >= 0 and high <= 1,
        f"gave back values from {low:.3g} to {high:.3g}",
        "image.clamp(0, 1) at the end; a preprocessor does so itself",
    )


def leaves_its_inputs_alone(stage: Stage) -> None:
    """Content and style have the same values after a run as before."""
    before, inputs = _baseline(stage).before, Inputs.usual(stage, 0.0, 1.0)
    assert inputs.style is not None
    for name, now, given in (
        ("content", before.image, inputs.content),
        ("style", before.styles[0].image, inputs.style),
    ):
        _require(
            torch.equal(now, given),
            f"writes into the {name} it is given",
            f"{name}.clone() first, or operations without a trailing underscore: x = x * 2, not x.mul_(2)",
        )


def repeats_itself_under_one_seed(stage: Stage) -> None:
    """The same pictures and the same seed give the same bits, on the CPU."""
    first = _baseline(stage)
    second = run(stage, Inputs.usual(stage, 0.0, 1.0))
    _require(
        torch.equal(first.image, second.image),
        f"the same seed gave another picture (mean difference {_distance(first.image, second.image):.2g})",
        "random numbers from torch's global generator, which the pipeline seeds: torch.randn(...),"
        " not numpy.random or a generator of your own; and no state kept between runs",
    )


def treats_each_image_of_a_batch_alone(stage: Stage) -> None:
    """A picture comes out of a batch as it comes out alone.

    Stages that draw random numbers or report steps are given another neighbour in the batch instead,
    since the noise of a batch is not that of a single picture.
    """
    found = _baseline(stage)
    second = found.image[1:]
    if found.draws or found.steps:
        other = run(stage, Inputs.usual(stage, 0.6, 1.0)).image[1:]
        change = "when its neighbour in the batch is another"
    else:
        other = run(stage, Inputs.usual(stage, 1.0)).image
        change = "when it is painted alone"
    distance = _distance(second, other) if second.shape == other.shape else float("inf")
    _require(
        distance <= BATCH_TOLERANCE,
        f"a picture differs by {distance:.2g} on average {change}; {BATCH_TOLERANCE:.2g} is allowed",
        "statistics over dimensions (2, 3), never over dimension 0; the sum, not the mean, of the losses of"
        " the pictures. An optimiser that couples pictures (L-BFGS) may name this check in expected_failures",
    )


def leaves_torch_as_it_found_it(stage: Stage) -> None:
    """Seed, gradient mode, default dtype, threads and flags are as before; the result carries no gradient."""
    found = _baseline(stage)
    for name, (before, left) in found.changed.items():
        raise AssertionError(
            f"changes {name} from {before} to {left}, for everything that runs after it\n"
            f"  what would work: {TORCH[name][2]}"
        )
    _require(
        not found.after.image.requires_grad and not found.image.is_inference(),
        "gives back a picture that is tied to a computation of gradients, or made in inference mode",
        "image.detach(), and torch.no_grad() in place of torch.inference_mode()",
    )


def says_what_is_wrong(stage: Stage) -> None:
    """Grey, tiny and missing pictures are painted, or refused in words that a person understands."""
    small = max(24, getattr(stage, "smallest", 1))
    grey = (255 * picture(small, small + 3).mean(1, keepdim=True)).byte()
    flat = torch.full((1, 1, small, small), 128, dtype=torch.uint8)
    tiny = picture(3, 3)
    cases = {
        "a grey content of whole numbers and a flat grey style": Inputs(grey, flat),
        "a content and a style of 3×3 pixels": Inputs(tiny, picture(3, 3, 0.7)),
        "no style": Inputs(picture(small, small + 3), None),
    }
    for case, inputs in cases.items():
        try:
            run(stage, inputs)
        except Exception as error:
            cause = error.__cause__ or error
            frames = traceback.extract_tb(cause.__traceback__)
            inside = Path(frames[-1].filename).is_relative_to(Path(torch.__file__).parent) if frames else False
            _require(
                isinstance(cause, (StageError, ValueError, TypeError)) and str(cause).strip() and not inside,
                f"given {case}, it fails with {type(cause).__name__}: {cause}",
                "a check at the start that raises ValueError or impasto.StageError with what was found and"
                " what would work; for pictures that are too small, smallest: ClassVar[int] = 16",
            )


def stays_inside_the_mask(stage: Stage) -> None:
    """Where the mask is 0 the picture keeps its bits."""
    inputs = Inputs.usual(stage, 0.0)
    height, width = inputs.content.shape[-2:]
    inputs.mask = torch.linspace(-1, 2, width).clamp(0, 1).expand(1, 1, height, width).clone()
    _baseline(stage)
    with _works("a run with a mask", "leave `apply` to the base class, which paints inside the mask only"):
        found = run(stage, inputs)
    if isinstance(stage, Preprocessor) and found.after.mask is not found.before.mask:
        raise SkipTest("sets the mask itself")
    if found.image.shape != found.before.image.shape:
        raise SkipTest("changes the size of the picture")
    changed = (found.image != found.before.image) & (inputs.mask == 0)
    _require(
        not changed.any(),
        f"{int(changed.any(1).sum())} pixels outside the mask are not what they were",
        "torch.where(canvas.mask > 0, …, canvas.image) at the end of prepare()"
        if isinstance(stage, Preprocessor)
        else "leave `apply` to the base class, which paints inside the mask only",
    )


def declares_its_weights(stage: Stage) -> None:
    """`weights()` returns records of `impasto.Weights`, all of them among its `known_weights`."""
    with _works("asking for its weights", "weights() that returns a tuple of impasto.Weights records"):
        records = stage.weights()
    _require(
        isinstance(records, tuple) and all(isinstance(record, Weights) for record in records),
        f"weights() gave back {records!r}",
        "return a tuple of impasto.Weights records, () for none",
    )
    unlisted = [record.name for record in records if record not in stage.known_weights]
    _require(
        not unlisted,
        f"weights() returns {', '.join(unlisted)}, which known_weights does not list",
        "declare all that it may need: known_weights: ClassVar[tuple[Weights, ...]] = (DECODER, …)",
    )


def works_in_bfloat16(stage: Stage) -> None:
    """Under autocast to bfloat16, which modern hardware gets by default, the picture is much the same."""
    reference = _baseline(stage)
    advice = "statistics, losses and decompositions in float32 (impasto.functional.statistics)"
    with _works("a run in bfloat16", advice):
        found = run(stage, Inputs.usual(stage, 0.0, 1.0), precision="bfloat16")
    distance = _distance(reference.image, found.image)
    _require(
        distance <= BFLOAT16_TOLERANCE,
        f"bfloat16 differs from float32 by {distance:.2g} on average; {BFLOAT16_TOLERANCE:g} is allowed",
        advice,
    )


def agrees_across_devices(stage: Stage) -> None:
    """An accelerator paints the picture that the CPU paints, within a tolerance."""
    if not torch.cuda.is_available():
        raise SkipTest("no CUDA device here")
    reference = _baseline(stage)
    with _works("a run on cuda", "make tensors where the picture is: torch.zeros(..., device=content.device)"):
        found = run(stage, Inputs.usual(stage, 0.0, 1.0), device="cuda")
    if reference.draws:
        return  # a GPU draws other numbers from the same seed
    allowed = ITERATIVE_DEVICE_TOLERANCE if reference.steps else DEVICE_TOLERANCE
    distance = _distance(reference.image, found.image)
    _require(
        distance <= allowed,
        f"cuda differs from the CPU by {distance:.2g} on average; {allowed:.2g} is allowed",
        "float32 for statistics and decompositions; no operation that depends on the order of threads",
    )


def is_announced_by_its_distribution(stage: Stage) -> None:
    """An installed distribution offers the stage under its name."""
    kind = type(stage)
    if kind.__module__ == "__main__" or "<locals>" in kind.__qualname__:
        raise SkipTest("defined in a notebook or a function, where no distribution can announce it")
    module = kind.__module__.split(".")[0]
    advice = (
        f"in {module}, an @impasto.hookimpl named impasto_{kind.kind}s that returns [{kind.__name__}];"
        f' in pyproject.toml, [project.entry-points.impasto] {stage.name} = "{module}"; then pip install -e .'
    )
    with _works(f"looking up {stage.name!r} among the installed plugins", advice):
        offered = get_host().stage(stage.name)
    other = f"{offered.__module__}.{offered.__qualname__}"
    _require(
        offered is kind,
        f"{get_host().distribution(offered)} offers another class as {stage.name!r}: {other}",
        "another name, or uninstall one of the two",
    )


CHECKS: tuple[Check, ...] = (
    has_a_summary_and_helpful_parameters,
    survives_toml_and_repr,
    keeps_shape_dtype_and_range,
    leaves_its_inputs_alone,
    repeats_itself_under_one_seed,
    treats_each_image_of_a_batch_alone,
    leaves_torch_as_it_found_it,
    says_what_is_wrong,
    stays_inside_the_mask,
    declares_its_weights,
    works_in_bfloat16,
    agrees_across_devices,
    is_announced_by_its_distribution,
)
"""Every check, in the order in which they are run."""
