"""The host finds plugins, refuses what is misspelt or claimed twice, and survives those that are broken."""

import sys
import textwrap
import types

import pytest
import torch

import impasto
from impasto.host.registry import _installed
from impasto.training import Trainer

CONTENT = torch.linspace(0, 1, 12 * 16 * 3).reshape(1, 3, 12, 16)


class Wash(impasto.Preprocessor, name="wash"):
    """Lay a pale wash over the picture."""

    def prepare(self, canvas):
        return canvas.replace(image=0.5 + 0.5 * canvas.image)


class Flat(impasto.Stylizer, name="flat"):
    """Paint everything in the style's mean colour."""

    def stylize(self, content, styles, guides):
        return styles[0].image.mean((2, 3), keepdim=True).expand_as(content)


class Negative(impasto.Postprocessor, name="negative"):
    """Turn the painted picture into its negative."""

    def refine(self, image, content, styles):
        return 1 - image


class Stepwise(impasto.Postprocessor, name="stepwise"):
    """Darken in three steps."""

    def refine(self, image, content, styles):
        for step in (1, 2, 3):
            image = image * 0.9
            self.report(step, 3, image, {"darkness": image.mean()})
        return image


def plugin(**hooks):
    """A plugin made of functions, which are marked as hooks."""
    made = types.ModuleType("sketch")
    vars(made).update({name: impasto.hookimpl(hook) for name, hook in hooks.items()})
    return made


@pytest.fixture
def install(tmp_path, monkeypatch):
    """Install a distribution for one test: a module and its metadata in a folder on the path."""
    modules = []

    def install(name, code, version="0.1"):
        module = name.replace("-", "_")
        folder = tmp_path / name
        metadata = folder / f"{module}-{version}.dist-info"
        metadata.mkdir(parents=True)
        (folder / f"{module}.py").write_text(textwrap.dedent(code))
        (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
        (metadata / "entry_points.txt").write_text(f"[impasto]\n{name.removeprefix('impasto-')} = {module}\n")
        monkeypatch.syspath_prepend(str(folder))
        modules.append(module)

    yield install
    for module in modules:
        sys.modules.pop(module, None)


@pytest.fixture
def fresh_host(monkeypatch):
    """The default host, made anew under a value of IMPASTO_PLUGINS."""

    def fresh(limit):
        monkeypatch.setenv("IMPASTO_PLUGINS", limit)
        _installed.cache_clear()
        return impasto.get_host()

    yield fresh
    _installed.cache_clear()


SKETCH = """
    import impasto

    class {title}(impasto.Stylizer, name="{stage}"):
        '''Leave the picture as it is.'''
        def stylize(self, content, styles, guides):
            return content

    @impasto.hookimpl
    def impasto_stylizers():
        return [{title}]
"""


def sketch(stage):
    return SKETCH.format(stage=stage, title=stage.title())


# ------------------------------------------------------------------------------------------- every hook


def test_hook_preprocessors():
    host = impasto.Host(plugin(impasto_preprocessors=lambda: [Wash]))
    assert host.stage("wash") is Wash
    assert list(host.preprocessors) == ["wash"]
    assert not host.stylizers


def test_hook_stylizers():
    host = impasto.Host(plugin(impasto_stylizers=lambda: (Flat,)))
    assert host.stage("flat") is Flat
    assert list(host.stylizers) == ["flat"]
    assert host.distribution(Flat) == "sketch"


def test_hook_postprocessors():
    host = impasto.Host(plugin(impasto_postprocessors=lambda: [Negative, Stepwise]))
    assert list(host.postprocessors) == ["negative", "stepwise"]
    assert host.offers("sketch") == {"postprocessor": ["negative", "stepwise"]}


def test_hook_encoders():
    def load():
        return torch.nn.Identity()

    host = impasto.Host(plugin(impasto_encoders=lambda: {"glance": load}))
    assert host.encoder("glance") is load
    assert list(host.encoders) == sorted(host.encoders)


def test_hook_trainers():
    class Tiny(Trainer, name="tiny"):
        """Train next to nothing."""

    host = impasto.Host(plugin(impasto_trainers=lambda: [Tiny]))
    assert host.trainer("tiny") is Tiny
    with pytest.raises(LookupError, match="did you mean 'tiny'"):
        host.trainer("tini")


def test_hook_run_stage():
    calls = []

    class Cache:
        @impasto.hookimpl
        def impasto_run_stage(self, stage, canvas):
            calls.append(stage)
            return canvas.replace(image=torch.zeros_like(canvas.image)) if stage == Negative() else None

    pipe = impasto.Pipeline(Negative(), Stepwise())
    picture = pipe(CONTENT, device="cpu", plugins=[Cache()])
    assert calls == [Negative(), Stepwise()]
    assert picture.tensor.max() == 0
    assert pipe(CONTENT, device="cpu").tensor.max() > 0, "joins only the run it is passed to"
    assert len(calls) == 2


def test_hook_run_stage_can_be_wrapped():
    seen = []

    class Watch:
        @impasto.hookimpl(wrapper=True)
        def impasto_run_stage(self, stage, canvas):
            before = canvas.image.mean()
            result = yield
            seen.append((stage.name, bool(result.image.mean() < before)))
            return result

    impasto.Pipeline(Stepwise(), Negative())(CONTENT, device="cpu", plugins=[Watch()])
    assert seen == [("stepwise", True), ("negative", False)]


def test_hook_run_stage_must_give_back_a_canvas():
    broken = plugin(impasto_run_stage=lambda stage, canvas: canvas.image)
    with pytest.raises(impasto.StageError, match="gave back Tensor for negative"):
        impasto.Pipeline(Negative())(CONTENT, device="cpu", plugins=[broken])


def test_hook_step():
    seen = []

    def impasto_step(stage, step, steps, image, losses):
        seen.append((stage, step, steps, tuple(image.shape), sorted(losses)))

    impasto.Pipeline(Stepwise())(CONTENT, device="cpu", plugins=[plugin(impasto_step=impasto_step)])
    assert seen == [(Stepwise(), step, 3, (1, 3, 12, 16), ["darkness"]) for step in (1, 2, 3)]


def test_hook_step_needs_only_the_arguments_it_uses():
    seen = []
    watch = plugin(impasto_step=lambda step, losses: seen.append((step, round(float(losses["darkness"]), 2))))
    impasto.Pipeline(Stepwise())(CONTENT, device="cpu", plugins=[watch])
    assert seen == [(1, 0.45), (2, 0.40), (3, 0.36)]


# ----------------------------------------------------------------------------------- faults of plugins


def test_a_misspelt_hook_is_an_error_with_a_suggestion():
    with pytest.raises(impasto.PluginError, match="did you mean 'impasto_stylizers'") as error:
        impasto.Host(plugin(impasto_styliser=lambda: [Flat]))
    assert "sketch: implements a hook called 'impasto_styliser', which does not exist" in str(error.value)
    with pytest.raises(impasto.PluginError, match="did you mean 'impasto_step'"):
        impasto.Pipeline(Negative())(CONTENT, plugins=[plugin(impasto_steps=lambda step: None)])


def test_a_misspelt_argument_is_an_error():
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


@pytest.mark.parametrize(
    ("hooks", "message"),
    [
        ({"impasto_stylizers": lambda: [Negative]}, r"class Mine\(impasto.Stylizer, name='mine'\)"),
        ({"impasto_stylizers": lambda: [Flat()]}, "a list of classes"),
        ({"impasto_postprocessors": lambda: [None]}, "offers None"),
        ({"impasto_encoders": lambda: ["glance"]}, "a dict of name: loader"),
        ({"impasto_trainers": lambda: [Flat]}, "impasto.Trainer"),
    ],
)
def test_an_offer_of_the_wrong_kind_is_refused(hooks, message):
    with pytest.raises(impasto.PluginError, match=message):
        impasto.Host(plugin(**hooks))


def test_a_refused_plugin_leaves_nothing_behind():
    host = impasto.Host()
    before = list(host.distributions)
    with pytest.raises(impasto.PluginError):
        host.register(plugin(impasto_stylizers=lambda: [Flat, Negative]))
    assert (list(host.stages), host.distributions) == ([], before)


def test_a_plugin_that_fails_at_import_is_named_and_stops_no_one(install):
    install("impasto-ruin", "import no_such_module")
    install("impasto-sketch", sketch("sketch"))
    host = impasto.Host()
    host.load_entry_points(only=["ruin", "sketch"])
    assert list(host.stages) == ["sketch"]
    assert host.broken == {"impasto-ruin 0.1": "ModuleNotFoundError: No module named 'no_such_module'"}
    with pytest.raises(LookupError) as error:
        host.stage("ruin")
    assert str(error.value) == (
        "no installed plugin offers a stage called 'ruin'\n"
        "  installed: sketch\n"
        "  impasto-ruin 0.1 is installed but did not load:"
        " ModuleNotFoundError: No module named 'no_such_module'"
    )


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        (
            "from impasto import hookimpl\n@hookimpl\ndef impasto_stylizer(): return []",
            "did you mean 'impasto_stylizers'",
        ),
        ("from impasto import hookimpl\n@hookimpl\ndef impasto_stylizers(): return 1 / 0", "ZeroDivisionError"),
        ("from impasto import hookimpl\n@hookimpl\ndef impasto_stylizers(): return ['sketch']", "a list of classes"),
        ("import impasto\nclass A(impasto.Stylizer, name='A'): ...", "lower-case words"),
    ],
)
def test_an_installed_plugin_with_faults_is_kept_with_the_reason(install, code, reason):
    install("impasto-ruin", code)
    host = impasto.Host()
    host.load_entry_points(only=["ruin"])
    assert reason in host.broken["impasto-ruin 0.1"]
    assert not host.stages


def test_two_plugins_with_one_name_are_both_named_and_neither_is_used(install):
    install("impasto-one", sketch("twin"), version="1.0")
    install("impasto-two", sketch("twin"), version="2.0")
    install("impasto-three", sketch("single"))
    host = impasto.Host()
    host.load_entry_points(only=["one", "two", "three"])
    assert list(host.stages) == ["single"]
    assert host.conflicts == {"stage twin": ["impasto-one 1.0", "impasto-two 2.0"]}
    with pytest.raises(LookupError, match=r"impasto-one 1\.0 and impasto-two 2\.0 both offer a stage called 'twin'"):
        host.stage("twin")


# ---------------------------------------------------------------------------------- which plugins load


def test_impasto_plugins_limits_what_is_loaded(install, fresh_host):
    for name in ("adobe", "basalt", "cobalt"):
        install(f"impasto-{name}", sketch(name))
    host = fresh_host("adobe, cobalt")
    assert {"adobe", "cobalt"} == set(host.stages)
    assert [name for name in host.distributions if name.startswith("impasto-")] == [
        "impasto-adobe 0.1",
        "impasto-cobalt 0.1",
    ]
    assert host.distribution(host.stage("adobe")) == "impasto-adobe 0.1"


def test_an_empty_impasto_plugins_loads_none(fresh_host):
    host = fresh_host("")
    assert not host.stages
    assert not host.broken
    with pytest.raises(LookupError, match="installed: none"):
        host.stage("adain")


def test_impasto_plugins_with_an_unknown_name_is_an_error(install, fresh_host):
    install("impasto-adobe", sketch("adobe"))
    with pytest.raises(LookupError, match=r"IMPASTO_PLUGINS asks for adobee(.|\n)*did you mean 'adobe'"):
        fresh_host("adobee")


def test_the_default_host_is_made_once_and_on_first_use(fresh_host):
    assert fresh_host("") is impasto.get_host()


# --------------------------------------------------------------------------------------------- look-ups


def test_registries_are_sorted_and_names_are_suggested():
    host = impasto.Host(
        plugin(impasto_postprocessors=lambda: [Stepwise, Negative]),
        plugin(impasto_stylizers=lambda: [Flat], impasto_preprocessors=lambda: [Wash]),
    )
    assert list(host.stages) == ["flat", "negative", "stepwise", "wash"]
    with pytest.raises(LookupError) as error:
        host.stage("negatif")
    assert str(error.value) == (
        "no installed plugin offers a stage called 'negatif'\n"
        "  installed: flat, negative, stepwise, wash\n"
        "  did you mean 'negative'?"
    )
    with pytest.raises(LookupError, match=r"offers an encoder called 'vgg18'(.|\n)*did you mean 'vgg19'"):
        host.encoder("vgg18")


def test_a_stage_that_no_plugin_offers_says_where_it_comes_from():
    assert impasto.Host().distribution(Flat) == f"{__name__}, not installed as a plugin"


def test_a_plugin_given_twice_is_an_error_and_two_of_one_name_are_not():
    seen = []
    watchers = [plugin(impasto_step=lambda step: seen.append(step)) for _ in range(2)]
    pipe = impasto.Pipeline(Stepwise())
    pipe(CONTENT, device="cpu", plugins=watchers)
    assert seen == [1, 1, 2, 2, 3, 3]
    with pytest.raises(impasto.PluginError, match="sketch: the same plugin is given twice"):
        pipe(CONTENT, device="cpu", plugins=[watchers[0], watchers[0]])


def test_hosts_do_not_share_plugins():
    impasto.Host(plugin(impasto_stylizers=lambda: [Flat]))
    assert "flat" not in impasto.Host().stages
