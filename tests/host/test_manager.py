"""A plugin that is misspelt, unmarked, given twice or without any effect is named."""

import types

import pytest

import impasto

from .example_stages import CONTENT, Flat, Negative, Stepwise


def test_a_misspelt_hook_is_an_error_with_a_suggestion(plugin):
    with pytest.raises(impasto.PluginError, match="did you mean 'impasto_stylizers'") as error:
        impasto.Host(plugin(impasto_styliser=lambda: [Flat]))
    assert "sketch: implements a hook called 'impasto_styliser', which does not exist" in str(error.value)
    with pytest.raises(impasto.PluginError, match="did you mean 'impasto_step'"):
        impasto.Pipeline(Negative())(CONTENT, plugins=[plugin(impasto_steps=lambda step: None)])


def test_a_misspelt_argument_is_an_error(plugin):
    with pytest.raises(impasto.PluginError, match="canvass"):
        impasto.Host(plugin(impasto_run_stage=lambda stage, canvass: None))
    with pytest.raises(impasto.PluginError, match="loss"):
        impasto.Pipeline(Negative())(CONTENT, plugins=[plugin(impasto_step=lambda loss: None)])


def test_a_function_named_like_a_hook_and_not_marked_warns_and_is_not_taken():
    bare = types.SimpleNamespace(__name__="sketch", impasto_stylizers=lambda: [Flat])
    with pytest.warns(UserWarning, match="sketch: impasto_stylizers") as warned:
        host = impasto.Host(bare)
    assert "what to type: @impasto.hookimpl in the line above def impasto_stylizers" in str(warned[0].message)
    assert not host.stages
    seen = []
    watcher = types.SimpleNamespace(__name__="watcher", impasto_steps=lambda step: seen.append(step))
    with pytest.warns(UserWarning, match="@impasto.hookimpl in the line above def impasto_step"):
        impasto.Pipeline(Stepwise())(CONTENT, device="cpu", plugins=[watcher])
    assert not seen


def test_a_plugin_given_twice_is_an_error_and_two_of_one_name_are_not(plugin):
    seen = []
    watchers = [plugin(impasto_step=lambda step: seen.append(step)) for _ in range(2)]
    pipe = impasto.Pipeline(Stepwise())
    pipe(CONTENT, device="cpu", plugins=watchers)
    assert seen == [1, 1, 2, 2, 3, 3]
    with pytest.raises(impasto.PluginError, match="sketch: the same plugin is given twice"):
        pipe(CONTENT, device="cpu", plugins=[watchers[0], watchers[0]])


class TimeLog:
    """Take part in a run."""

    @impasto.hookimpl
    def impasto_step(self, step):
        pass


class Offering:
    """Offer a stage."""

    @impasto.hookimpl
    def impasto_stylizers(self):
        return [Flat]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (["time-log"], r"'time-log' is a name, not a plugin\n  what to type: plugins=\[impasto.Live\(\)\]"),
        ([object()], "has no hook, so it would do nothing(.|\n)*impasto_step"),
        ([types], "types: <module 'types' .*has no hook"),
        ([None], "NoneType: None has no hook"),
        ([TimeLog], r"TimeLog is a class(.|\n)*what to type: TimeLog\(\)"),
        ([Offering], r"Offering is a class(.|\n)*what to type: Offering\(\)"),
        ([Offering()], "has impasto_stylizers, which offers something by name, and takes no part in a run"),
        ([Flat()], r"Flat is a stage, not a plugin\n  what to type: impasto.Pipeline\(Flat\(\)\)"),
        ([Flat], r"Flat is a stage, not a plugin\n  what to type: impasto.Pipeline\(Flat\(\)\)"),
        ([types.SimpleNamespace(impasto_step=3)], "impasto_step is 3, not a function"),
        ("time-log", r"plugins = 'time-log' is a name\n  what to type: plugins=\[\.\.\.\], .*impasto.Live"),
        (TimeLog(), r"plugins = <.*TimeLog.* is no list\n  what to type: plugins=\[\.\.\.\]"),
    ],
)
def test_what_takes_no_part_in_a_run_is_refused(given, message):
    with pytest.raises(impasto.PluginError, match=message):
        impasto.Pipeline(Negative())(CONTENT, device="cpu", plugins=given)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("impasto-adain", "'impasto-adain' is a name, not a plugin"),
        (object(), "has no hook, so it would do nothing"),
        (types, "types: <module 'types' .*has no hook"),
        (Offering, r"Offering is a class(.|\n)*what to type: Offering\(\)"),
        (Flat, "Flat is a stage, not a plugin"),
        (TimeLog(), "has impasto_step, which takes part in a run, and offers nothing"),
    ],
)
def test_what_offers_nothing_is_refused_by_a_host(given, message):
    with pytest.raises(impasto.PluginError, match=message):
        impasto.Host(given)


def test_a_class_of_static_functions_and_one_that_offers_and_watches_are_plugins():
    class Static:
        impasto_stylizers = staticmethod(impasto.hookimpl(lambda: [Flat]))

    assert list(impasto.Host(Static).stages) == ["flat"]

    class Both(TimeLog, Offering):
        """Do both."""

    assert list(impasto.Host(Both()).stages) == ["flat"]
    impasto.Pipeline(Negative())(CONTENT, device="cpu", plugins=[Both()])


def generator(stage, canvas):
    yield


@pytest.mark.parametrize(
    ("hook", "function", "options", "message"),
    [
        ("impasto_step", lambda step, loss: None, {}, "asks for 'loss', (.|\n)*it can have: stage, step, steps, image"),
        ("impasto_step", lambda *, step: None, {}, "asks for 'step', which it is not given by name"),
        ("impasto_stylizers", lambda host: [], {}, "asks for 'host', (.|\n)*it can have: no arguments"),
        ("impasto_run_stage", generator, {}, r"is not a wrapper and has a yield(.|\n)*hookimpl\(wrapper=True\)"),
        ("impasto_run_stage", lambda stage: None, {"wrapper": True}, "is marked as a wrapper and has no yield"),
    ],
)
def test_a_hook_that_cannot_be_called_as_it_is_is_refused(hook, function, options, message):
    plugin = types.SimpleNamespace(__name__="sketch", **{hook: impasto.hookimpl(**options)(function)})
    with pytest.raises(impasto.PluginError, match=f"sketch: {hook} {message}"):
        impasto.Host(plugin)
    with pytest.raises(impasto.PluginError, match=f"sketch: {hook} {message}"):
        impasto.Pipeline(Negative())(CONTENT, device="cpu", plugins=[plugin])


def test_a_hook_of_a_newer_host_is_left_out_where_it_is_optional():
    class Newer(TimeLog):
        @impasto.hookimpl(optionalhook=True)
        def impasto_cut(self, frame):
            raise AssertionError("which is not called")

    impasto.Pipeline(Negative())(CONTENT, device="cpu", plugins=[Newer()])
