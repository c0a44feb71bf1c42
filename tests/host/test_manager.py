"""A plugin that is misspelt, unmarked or given twice is named."""

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
