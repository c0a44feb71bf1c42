"""What docs/api-policy.md promises across versions: newer plugins, older plugins, and names that changed."""

import sys
import types
import warnings
from pathlib import Path

import pytest
import torch
from typing_extensions import deprecated

import impasto
from impasto.cli import main
from impasto.errors import ImpastoDeprecationWarning, ParameterError
from impasto.moved import deprecated_names
from impasto.training import Task, Trainer, train

CONTENT = torch.linspace(0, 1, 3 * 12 * 16).reshape(1, 3, 12, 16)


class Blend(impasto.Postprocessor, name="blend"):
    """Blend the picture with the content, under the names of the first release."""

    strength: float = impasto.param(default=0.5, low=0, high=1, help="share of the content")
    parts: tuple[int, ...] = impasto.param(default=(1,), low=1, high=9, help="of the picture")

    def refine(self, image, content, styles):
        return image * (1 - self.strength)


class Fade(impasto.Postprocessor, name="fade", was="blend"):
    """The same stage under the names of now."""

    amount: float = impasto.param(default=0.5, low=0, high=1, help="share of the content", was=("strength", "share"))
    pieces: tuple[int, ...] = impasto.param(default=(1,), low=1, high=9, help="of the picture", was="parts")

    def refine(self, image, content, styles):
        return image * (1 - self.amount)


def plugin_of(*stages):
    made = types.ModuleType("impasto_fade")
    made.impasto_postprocessors = impasto.hookimpl(lambda: list(stages))
    return made


@pytest.fixture
def host_of(monkeypatch):
    """Make the installed host one of a plugin with some stages."""

    def host_of(*stages):
        made = impasto.Host()
        made.register(plugin_of(*stages), "impasto-fade 0.2.0")
        monkeypatch.setattr("impasto.host.registry._installed", lambda: made)
        return made

    return host_of


@pytest.fixture
def old_picture(host_of, tmp_path):
    """A picture of the first release, read where the plugin has the names of now."""
    host_of(Blend)
    file = tmp_path / "old.png"
    impasto.Pipeline(Blend(strength=0.25, parts=(2, 3)))(CONTENT).save(file)
    assert "strength = 0.25" in impasto.picture.read_recipe(file)
    host_of(Fade)
    return file


# ------------------------------------------------------------------------------- names of stages and parameters


def test_an_old_picture_s_recipe_is_read_in_silence_and_paints_the_same_bits(old_picture, tmp_path):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        pipeline = impasto.Pipeline.load(old_picture)
        again = pipeline(CONTENT)
    assert pipeline == impasto.Pipeline(Fade(amount=0.25, pieces=(2, 3)))
    again.save(tmp_path / "again.png")
    assert torch.equal(impasto.read(tmp_path / "again.png").tensor, impasto.read(old_picture).tensor)
    assert "amount = 0.25" in impasto.picture.read_recipe(tmp_path / "again.png")


@pytest.mark.filterwarnings("default")
def test_the_command_line_repeats_an_old_picture_in_silence_and_tells_who_types_old_names(
    old_picture, tmp_path, capsys
):
    photo = tmp_path / "photo.png"
    impasto.read(CONTENT).save(photo)
    assert main(["run", str(old_picture), "--content", str(photo), "-o", str(tmp_path / "a.png")]) == 0
    assert "is called" not in capsys.readouterr().err
    line = "blend:strength=0.25:parts=2+3"
    assert main(["paint", str(photo), "-o", str(tmp_path / "b.png"), "--with", line]) == 0
    said = capsys.readouterr().err
    assert "warning: blend is called fade now" in said
    assert "what to type: fade:amount=0.25" in said
    assert "what to type: fade:pieces=2+3" in said
    assert torch.equal(impasto.read(tmp_path / "b.png").tensor, impasto.read(tmp_path / "a.png").tensor)


def test_who_types_an_old_name_in_python_is_told_at_that_line_and_gets_the_stage(host_of):
    host_of(Fade)
    with pytest.warns(ImpastoDeprecationWarning, match=r"fade: strength is called amount now\n.*amount=0.25") as said:
        stage = Fade(strength=0.25)
    assert [Path(one.filename) for one in said] == [Path(__file__)]
    assert stage == Fade(amount=0.25)
    with pytest.warns(ImpastoDeprecationWarning, match="is called amount now"):
        assert stage.share == 0.25
    with pytest.warns(ImpastoDeprecationWarning, match="is called amount now"):
        assert impasto.Pipeline(stage).replace(0, strength=0.5) == impasto.Pipeline(Fade())
    with pytest.warns(ImpastoDeprecationWarning, match="is called") as said:
        assert impasto.Pipeline.parse("blend:parts=2+3").stages == (Fade(pieces=(2, 3)),)
    assert len(said) == 2
    assert {Path(one.filename) for one in said} == {Path(__file__)}


def test_who_wrote_old_names_into_a_toml_file_is_told(host_of, tmp_path):
    host_of(Fade)
    (tmp_path / "mine.toml").write_text('[[stages]]\nstage = "blend"\nstrength = 0.25\n')
    with pytest.warns(ImpastoDeprecationWarning) as said:
        assert impasto.Pipeline.load(tmp_path / "mine.toml") == impasto.Pipeline(Fade(amount=0.25))
    assert ["blend is called fade" in str(said[0].message), "strength is called amount" in str(said[1].message)]


def test_a_value_under_two_names_is_refused():
    with pytest.raises(ParameterError, match=r"fade: amount is given twice, as strength too[^\n]*\n.*amount="):
        Fade(amount=0.5, strength=0.25)
    with pytest.raises(ParameterError, match="amount is given twice"):
        Fade(share=0.5, strength=0.25)


def test_a_stage_that_has_a_name_now_goes_before_one_that_had_it(host_of):
    assert host_of(Fade, Blend).stage("blend") is Blend
    assert host_of(Fade).stage("blend") is Fade


def test_an_old_picture_finds_the_stage_of_its_own_plugin_where_another_has_that_name_now(old_picture, host_of):
    class Other(impasto.Postprocessor, name="blend"):
        """Another one."""

    host_of(Fade).register(plugin_of(Other), "impasto-other 0.1.0")
    assert impasto.Pipeline.load(old_picture) == impasto.Pipeline(Fade(amount=0.25, pieces=(2, 3)))
    assert impasto.get_host().stage("blend") is Other
    assert impasto.get_host().stage("impasto-fade/blend") is Fade


def test_two_stages_that_had_one_name_are_both_named():
    class Other(impasto.Postprocessor, name="other", was="blend"):
        """Another one."""

    host = impasto.Host()
    host.register(plugin_of(Fade), "impasto-fade 0.2.0")
    host.register(plugin_of(Other), "impasto-other 0.1.0")
    with pytest.raises(LookupError, match=r"impasto-fade 0\.2\.0 and impasto-other 0\.1\.0 both"):
        host.stage("blend")


@pytest.mark.parametrize(
    "was", ["pieces", "strength", "two words"], ids=["a name of now", "the older name of another", "no name"]
)
def test_a_name_that_a_parameter_cannot_have_had_is_refused_at_the_class(was):
    with pytest.raises(TypeError, match=f"cannot have been called '{was}'"):

        class Wrong(impasto.Postprocessor, name="wrong"):
            """Wrong."""

            amount: float = impasto.param(default=0.5, low=0, high=1, help="share", was="strength")
            pieces: int = impasto.param(default=1, low=1, high=9, help="of it")
            other: int = impasto.param(default=1, low=1, high=9, help="of it", was=was)


def test_a_training_goes_on_after_its_trainer_was_renamed(tmp_path):
    class Line(Task):
        def __init__(self):
            self.networks = {"line": torch.nn.Linear(1, 1)}
            self.optimisers = {"line": torch.optim.SGD(self.networks["line"].parameters(), 0.1)}

        def batch(self, rng):
            return torch.rand(4, 1, generator=rng)

        def losses(self, networks, batch, rng):
            yield "line", {"error": (networks["line"](batch) - batch).square().mean()}

        def export(self, networks, folder):
            return []

    class Old(Trainer, name="line"):
        """Fit a line."""

        width: int = impasto.param(default=3, low=1, high=9, help="of it")

        def task(self, device, seed=0):
            return Line()

    class New(Trainer, name="straight-line", was="line"):
        """Fit a line."""

        size: int = impasto.param(default=3, low=1, high=9, help="of it", was="width")

        def task(self, device, seed=0):
            return Line()

    def run(trainer, steps):
        logged = []
        train(trainer.task(torch.device("cpu")), tmp_path, steps=steps, on_log=lambda step, _: logged.append(step))
        return logged

    pytest.importorskip("accelerate")
    assert run(Old(width=4), 20) == [10, 20]
    assert run(New(size=4), 40) == [30, 40]
    with pytest.raises(ParameterError, match="size was 4 and is 5"):
        run(New(size=5), 60)


# --------------------------------------------------------------------------------------------- names of Python


def test_a_plugin_of_an_older_host_keeps_working_while_a_name_is_deprecated(install, monkeypatch, sketch):
    names = deprecated_names("impasto.weights", {"kept": "impasto.weights.cached"}, until="0.3")
    monkeypatch.setattr(impasto.weights, "__getattr__", names, raising=False)
    install("impasto-older", "from impasto.weights import kept\n" + sketch("older").replace("\n    ", "\n"))
    host = impasto.Host()
    with pytest.warns(
        ImpastoDeprecationWarning, match=r"kept is now impasto\.weights\.cached.*goes in Impasto 0\.3"
    ) as said:
        host.load_entry_points(["older"])
    assert "older" in host.stages
    assert {Path(one.filename).name for one in said} == {"impasto_older.py"}
    assert sys.modules["impasto_older"].kept is impasto.weights.cached


def test_a_plugin_of_an_older_host_is_told_where_a_name_went_that_is_gone(install, sketch):
    install("impasto-oldest", "from impasto.weights import kept\n" + sketch("oldest").replace("\n    ", "\n"))
    install("impasto-fine", sketch("fine"))
    host = impasto.Host()
    host.load_entry_points(["oldest", "fine"])
    assert "fine" in host.stages
    assert "impasto.weights.kept is now impasto.weights.cached" in host.broken["impasto-oldest 0.1"]


def test_a_plugin_that_was_tested_with_an_older_host_alone_is_used_if_it_loads(install, sketch):
    install("impasto-bound", sketch("bound"), requires=["impasto<0.0.1"])
    host = impasto.Host()
    host.load_entry_points(["bound"])
    assert "bound" in host.stages


def test_a_plugin_for_a_newer_host_that_does_not_load_says_which_one_and_stops_no_one(install, sketch):
    install("impasto-newer", "from impasto import StreamStage\n", requires=["impasto>=99"])
    install("impasto-fine", sketch("fine"))
    host = impasto.Host()
    host.load_entry_points(["newer", "fine"])
    assert "fine" in host.stages
    assert "it requires impasto>=99" in host.broken["impasto-newer 0.1"]
    assert "pip install 'impasto>=99'" in host.broken["impasto-newer 0.1"]


def test_a_plugin_for_two_hosts_marks_what_the_older_one_lacks_and_loads_in_both(install, sketch):
    hook = "\n    @impasto.hookimpl(optionalhook=True)\n    def impasto_of_tomorrow():\n        return []\n"
    install("impasto-both", sketch("both") + hook)
    host = impasto.Host()
    host.load_entry_points(["both"])
    assert "both" in host.stages
    assert host.broken == {}


def test_a_deprecated_function_says_so_to_type_checkers_and_to_whoever_calls_it():
    @deprecated(
        "blend is deprecated, and goes in 0.3\n  what to type: fade", category=impasto.ImpastoDeprecationWarning
    )
    def blend():
        return 1

    with pytest.warns(FutureWarning, match="what to type: fade") as said:
        assert blend() == 1
    assert blend.__deprecated__
    assert Path(said[0].filename) == Path(__file__)
