"""Declared parameters: what is asked of their values."""

import copy
import dataclasses
import pathlib
import pickle
import typing

import pytest

import impasto
from impasto.errors import ParameterError
from impasto.host import get_host
from impasto.training import Trainer

OFFERED = [*get_host().stages.values(), *get_host().trainers.values()]


class Smear(impasto.Postprocessor, name="smear"):
    """Average a few pixels."""

    side: int = impasto.param(default=3, low=1, high=9, odd=True, help="of the window, in pixels")
    sides: tuple[int, ...] = impasto.param(default=(), odd=True, help="of more windows")

    def refine(self, image, content, styles):
        return image


def test_an_even_number_is_refused_where_an_odd_one_is_needed():
    with pytest.raises(impasto.ParameterError, match="side = 4 does not fit\n  what would work: an odd number, 1 to 9"):
        Smear(side=4)
    with pytest.raises(impasto.ParameterError, match="a list, each an odd number"):
        Smear(sides=(1, 2))
    assert Smear(side=5, sides=(1, 3)).values() == {"side": 5, "sides": (1, 3)}


class Halve(impasto.Postprocessor, name="halve"):
    """Halve pictures three times."""

    size: int = impasto.param(default=64, low=10, high=900, multiple=8, help="of a side, in pixels")
    sizes: tuple[int, ...] = impasto.param(default=(), multiple=3, odd=True, help="of more sides")
    share: float = impasto.param(default=0.3, help="of nothing")

    def refine(self, image, content, styles):
        return image


def test_only_multiples_are_allowed_where_a_network_halves():
    with pytest.raises(
        impasto.ParameterError, match="size = 70 does not fit\n  what would work: a multiple of 8, 10 to"
    ):
        Halve(size=70)
    for sizes in [(9, 4), (6,)]:
        with pytest.raises(impasto.ParameterError, match="a list, each an odd multiple of 3"):
            Halve(sizes=sizes)
    assert Halve(size=72, sizes=(3, 9), share=0.7).values() == {"size": 72, "sizes": (3, 9), "share": 0.7}


class Needy(impasto.Postprocessor, name="needy"):
    """Need a file."""

    path: str = impasto.param(help="a file")
    steps: int = impasto.param(default=1, help="steps")


def test_a_stage_that_needs_a_parameter_is_copied_and_pickled():
    stage = Needy(path="a.png", steps=3)
    assert copy.deepcopy(stage) == copy.copy(stage) == stage
    assert pickle.loads(pickle.dumps(stage)) == stage


@pytest.mark.parametrize("value", [10**400, 1e300, float("nan"), 2**63])
def test_numbers_that_no_file_can_hold_are_refused(value):
    with pytest.raises(ParameterError, match="does not fit"):
        Needy(path="a.png", steps=value)


class Forgetful(impasto.Postprocessor, name="forgetful"):
    """Override what a dataclass calls, and nothing else."""

    amount: float = impasto.param(default=0.5, low=0, high=1, help="share of the content")
    path: str = impasto.param(default="", help="a file to look at")

    def __post_init__(self):
        pass


class Heir(Forgetful, name="heir"):
    """Inherit from it."""


@pytest.mark.parametrize("kind", [Forgetful, Heir])
@pytest.mark.parametrize("make", [lambda kind, **values: kind(**values), lambda k, **v: dataclasses.replace(k(), **v)])
def test_no_method_of_a_stage_switches_its_validation_off(kind, make):
    for values in ({"amount": 55}, {"amount": float("nan")}, {"amount": "0.5"}, {"amount": None}, {"path": 3}):
        with pytest.raises(ParameterError, match="does not fit"):
            make(kind, **values)
    assert make(kind, amount=1).amount == 1.0
    assert type(make(kind, amount=1).amount) is float


def test_an_init_of_ones_own_is_refused_at_the_class():
    with pytest.raises(TypeError, match=r"def check\(self\)"):

        class Own(impasto.Postprocessor, name="own"):
            def __init__(self, amount):
                pass


def test_check_is_called_after_the_values_are_converted_and_for_every_new_value():
    class Band(impasto.Postprocessor, name="band"):
        """Look between two levels."""

        low: float = impasto.param(default=0, low=0, high=1, help="where the band begins")
        high: float = impasto.param(default=1, low=0, high=1, help="where the band ends")

        def check(self):
            assert type(self.low) is type(self.high) is float
            if self.low >= self.high:
                raise ParameterError("band: low is not below high")

    with pytest.raises(ParameterError, match="low is not below high"):
        Band(low=1)
    with pytest.raises(ParameterError, match="low is not below high"):
        impasto.Pipeline(Band()).replace(0, high=0)
    with pytest.raises(ParameterError, match="high = 'x' does not fit"):
        Band(low=1, high="x")


@pytest.mark.parametrize(
    "annotation",
    [pathlib.Path, pathlib.Path | None, list[int], list, tuple, tuple[int, int], tuple[pathlib.Path, ...], dict],
)
def test_a_type_that_no_parameter_can_have_is_refused_at_the_class(annotation):
    declaration = {"__annotations__": {"x": annotation}, "x": impasto.param(default=None, help="a thing")}
    with pytest.raises(TypeError, match=r"x is declared as .*(Path|list|tuple|dict)(.|\n)*what would work: bool, int"):
        type("Odd", (impasto.Postprocessor,), declaration, name="odd")


@pytest.mark.parametrize("annotation", [bool, int | None, typing.Literal["a", 1], tuple[str, ...], "tuple[int, ...]"])
def test_every_other_type_is_taken(annotation):
    declaration = {"__annotations__": {"x": annotation}, "x": impasto.param(default=(), help="a thing")}
    assert list(type("Even", (impasto.Postprocessor,), declaration, name="even").parameters()) == ["x"]


def test_a_path_is_taken_where_text_is_meant():
    path = pathlib.Path("folder") / "a.cube"
    assert Needy(path=path) == Needy(path=str(path))
    assert type(Needy(path=path).path) is str
    with pytest.raises(ParameterError, match=r"steps = .*Path"):
        Needy(path=path, steps=path)


def test_values_without_a_name_are_refused_in_words():
    with pytest.raises(TypeError, match=r"found 'a.png' without one\n  what to type: Needy\(path=...\)"):
        Needy("a.png")


@pytest.mark.parametrize(
    "kind", [*get_host().stages.values(), *get_host().trainers.values()], ids=lambda kind: kind.name
)
def test_every_number_has_a_lowest_and_a_highest_value(kind):
    assert [one.name for one in kind.parameters().values() if not one.bounded] == []


def test_numbers_lists_and_texts_end_somewhere():
    class Endless(impasto.Postprocessor, name="endless"):
        """Ask for too much."""

        steps: int = impasto.param(default=1, low=1, high=100_000, help="how many steps")
        share: float | None = impasto.param(default=1, low=0, help="of the whole")
        sizes: tuple[int, ...] = impasto.param(default=(), high=9, help="in pixels")
        labels: tuple[str, ...] = impasto.param(default=(), help="of regions")
        pooling: typing.Literal[2, 4] = impasto.param(default=2, help="side of a cell")
        mode: int = impasto.param(default=1, choices=(1, 2), help="which way")

    bounded = {name: parameter.bounded for name, parameter in Endless.parameters().items()}
    assert bounded == {"steps": True, "share": False, "sizes": False, "labels": True, "pooling": True, "mode": True}
    with pytest.raises(impasto.ParameterError, match="a whole number, 1 to 100,000"):
        Endless(steps=10**12)
    with pytest.raises(impasto.ParameterError, match=r"at most 256 entries"):
        Endless(labels=["a"] * 257)
    with pytest.raises(impasto.ParameterError, match=r"at most 4,096 characters"):
        Endless(labels=["a" * 5000])
    with pytest.raises(ValueError, match="at most 100 stages, found 101"):
        impasto.Pipeline(*[Endless()] * 101)


def test_choices_may_come_from_a_function_that_is_asked_each_time_but_not_for_the_default():
    offered, asked = ["gram"], []

    class Lazy(impasto.Postprocessor, name="lazy"):
        """Keep the picture."""

        statistic: str = impasto.param(
            default="gram", choices=lambda: asked.append(1) or offered, help="what is imitated"
        )

    assert Lazy().statistic == "gram"
    assert not asked
    with pytest.raises(ParameterError, match="one of 'gram' "):
        Lazy(statistic="mean")
    offered.append("mean")
    assert Lazy(statistic="mean").statistic == "mean"
    assert Lazy.parameters()["statistic"].choices == ("gram", "mean")


def test_choices_by_type_do_not_guess_across_kinds():
    class Chosen(impasto.Postprocessor, name="chosen"):
        """Have a choice of numbers."""

        count: typing.Literal[1, 2] = impasto.param(default=1, help="one or two")

    assert Chosen(count=2).count == 2
    for value in (True, 2.0):
        with pytest.raises(ParameterError, match="count"):
            Chosen(count=value)


def test_a_misspelt_choice_is_met_by_the_nearest():
    class Brush(impasto.Postprocessor, name="brush"):
        """Refine."""

        shape: str = impasto.param(default="round", choices=("round", "flat"), help="of the brush")

    with pytest.raises(impasto.ParameterError, match="shape = 'rond' does not fit\n  did you mean 'round'"):
        Brush(shape="rond")


@pytest.mark.parametrize("kind", [impasto.Stylizer, impasto.Preprocessor, Trainer, impasto.Watcher])
def test_a_parameter_takes_the_name_of_no_method_and_no_class_variable(kind):
    names = {
        name for base in kind.__mro__ for name in vars(base) if not name.startswith("_") and name not in ("name", "was")
    } - set(kind.parameters())
    assert {"values", "check", "summary"} <= names
    for name in sorted(names):
        with pytest.raises(TypeError, match=f"Sketch: {name} is what [A-Z][A-Za-z]+ itself has\n  what would work: "):
            type("Sketch", (kind,), {"__annotations__": {name: float}, name: impasto.param(default=0.5, help="share")})


def test_a_parameter_of_a_base_class_is_given_another_default():
    class Wider(Smear, name="wider"):
        """Average more pixels."""

        side: int = impasto.param(default=5, low=1, high=9, odd=True, help="of the window, in pixels")

    class Widest(Wider, name="widest"):
        """Average all pixels."""

        side: int = impasto.param(default=9, low=1, high=9, odd=True, help="of the window, in pixels")

    assert (Smear().side, Wider().side, Widest().side) == (3, 5, 9)
