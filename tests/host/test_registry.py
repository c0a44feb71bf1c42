"""The host finds plugins, refuses what is claimed twice, and survives those that are broken."""

import pytest

import impasto
from impasto.training import Trainer

from .example_stages import CONTENT, Flat, Negative, Stepwise, Wash


@pytest.mark.parametrize(
    ("hooks", "message"),
    [
        ({"impasto_stylizers": lambda: [Negative]}, r"class Mine\(impasto.Stylizer, name='mine'\)"),
        (
            {"impasto_stylizers": lambda: [Negative]},
            "offers Negative, a postprocessor, which impasto_postprocessors takes",
        ),
        ({"impasto_stylizers": lambda: [Flat()]}, r"offers Flat\(\), which is made already(.|\n)*a list of classes"),
        ({"impasto_stylizers": lambda: Flat}, r"returns Flat alone(.|\n)*a list of classes"),
        ({"impasto_stylizers": lambda: (kind for kind in [Flat])}, "returns generator(.|\n)*a list of classes"),
        ({"impasto_stylizers": lambda: None}, "returns None: is its return missing?"),
        ({"impasto_stylizers": lambda: [Flat, Flat]}, "offers the stage 'flat' twice"),
        ({"impasto_stylizers": lambda: [type("Base", (impasto.Stylizer,), {})]}, "offers Base, which has no name"),
        ({"impasto_stylizers": lambda: [type("Bare", (impasto.Stage,), {}, name="b")]}, "offers Bare, a stage\n"),
        ({"impasto_stylizers": lambda: ["flat"]}, "offers 'flat'\n"),
        ({"impasto_stylizers": lambda: [int]}, "offers int\n"),
        ({"impasto_stylizers": lambda: 1 / 0}, "impasto_stylizers failed\n  ZeroDivisionError: division by zero"),
        ({"impasto_preprocessors": lambda: [type("T", (Trainer,), {}, name="t")]}, "a trainer, which impasto_trainers"),
        ({"impasto_postprocessors": lambda: [None]}, "offers None"),
        ({"impasto_encoders": lambda: ["glance"]}, "a dict by name, {'mine': load_mine}"),
        ({"impasto_encoders": lambda: None}, "returns None: is its return missing?"),
        ({"impasto_encoders": lambda: {"glance": "relu"}}, "offers 'relu' as 'glance'"),
        ({"impasto_encoders": lambda: {3: lambda: None}}, "as 3\n"),
        ({"impasto_trainers": lambda: [Flat]}, "impasto.training.Trainer"),
        (
            {"impasto_watchers": lambda: [Flat]},
            r"a stylizer, which impasto_stylizers takes\n.*\(impasto.Watcher, name=",
        ),
        ({"impasto_stylizers": lambda: [type("W", (impasto.Watcher,), {}, name="w")]}, "which impasto_watchers takes"),
        ({"impasto_decoders": lambda: {"back": 1}}, "returns the decoder"),
        ({"impasto_statistics": lambda: {"gram": "gram"}}, "offers 'gram' as 'gram'\n.*functional.losses.Statistic"),
        ({"impasto_statistics": lambda: {"a/b": len}}, "as 'a/b'"),
        ({"impasto_samples": lambda: {"sea": 3}}, "from the longer side in pixels to a picture"),
        ({"impasto_looks": lambda: {"pale": "adain"}}, "an impasto.stage.Look"),
        ({"impasto_readers": lambda: {"exr": len}}, "as 'exr'\n.*a suffix in lower case, such as '.exr'"),
        ({"impasto_readers": lambda: {".EXR": len}}, "a suffix in lower case"),
        ({"impasto_commands": lambda: {"Paint it": len}}, "lower-case words joined by '-'"),
        ({"impasto_commands": lambda: {"--help": len}}, "lower-case words joined by '-'"),
    ],
)
def test_an_offer_of_the_wrong_kind_is_refused(hooks, message, plugin):
    with pytest.raises(impasto.PluginError, match=message):
        impasto.Host(plugin(**hooks))


def test_a_refused_plugin_leaves_nothing_behind(plugin):
    host = impasto.Host()
    before = list(host.distributions)
    with pytest.raises(impasto.PluginError):
        host.register(plugin(impasto_stylizers=lambda: [Flat, Negative]))
    assert (list(host.stages), host.distributions) == ([], before)


def test_a_plugin_that_fails_at_import_is_named_and_stops_no_one(install, sketch):
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
        ("from impasto import hookimpl\n@hookimpl\ndef impasto_stylizers(): raise SystemExit", "SystemExit"),
        ("from impasto import hookimpl\n@hookimpl\ndef impasto_stylizers(): yield", "has a yield"),
        ("raise SystemExit('bye')", "SystemExit: bye"),
        ("import sys\nsys.exit()", "SystemExit"),
        ("raise BaseException('all of it')", "BaseException: all of it"),
        ("raise GeneratorExit", "GeneratorExit"),
        ("def", "SyntaxError"),
        ("pass", "has no hook"),
        ("impasto_stylizers = []", "impasto_stylizers is [], not a function"),
        (
            "from impasto import hookimpl\n@hookimpl\ndef impasto_step(step): pass",
            "has impasto_step, which takes part in a run, and offers nothing",
        ),
        (
            "from __future__ import annotations\nimport impasto\n"
            "class A(impasto.Stylizer, name='a'):\n  x: Nowhere = impasto.param(default=1, help='a thing')\n"
            "@impasto.hookimpl\ndef impasto_stylizers(): return [A]",
            "name 'Nowhere' is not defined",
        ),
        ("from impasto import hookimpl\n@hookimpl\ndef impasto_stylizers(): return ['sketch']", "a list of classes"),
        ("import impasto\nclass A(impasto.Stylizer, name='A'): ...", "lower-case words"),
    ],
)
def test_an_installed_plugin_with_faults_is_kept_with_the_reason_and_stops_no_one(install, sketch, code, reason):
    install("impasto-ruin", code)
    install("impasto-sketch", sketch("sketch"))
    host = impasto.Host()
    host.load_entry_points(only=["ruin", "sketch"])
    assert reason in host.broken["impasto-ruin 0.1"]
    assert list(host.stages) == ["sketch"]


def test_ctrl_c_while_plugins_load_is_no_fault_of_a_plugin(install):
    install("impasto-ruin", "raise KeyboardInterrupt")
    with pytest.raises(KeyboardInterrupt):
        impasto.Host().load_entry_points(only=["ruin"])


@pytest.mark.parametrize("code", ["from impasto import StreamStage", "import impasto\nimpasto.hookimpl(3).later"])
@pytest.mark.parametrize(
    ("requires", "said"),
    [
        (
            "impasto>=99.3",
            "it requires impasto>=99.3, and 0.1.0 is installed\n  what to type: pip install 'impasto>=99.3'",
        ),
        ("Impasto[video] (<0.1)", "it requires impasto<0.1, and 0.1.0 is installed"),
        ("impasto>=0.0.1", ""),
        ("impasto>=99; extra == 'test'", ""),
        ("not a requirement", ""),
        ("numpy>=99", ""),
    ],
)
def test_a_broken_plugin_says_which_impasto_it_requires(install, monkeypatch, requires, said, code):
    monkeypatch.setattr("impasto.versions.version", lambda name: "0.1.0")
    install("impasto-ruin", code, requires=["torch", requires])
    host = impasto.Host()
    host.load_entry_points(only=["ruin"])
    assert said in host.broken["impasto-ruin 0.1"]
    assert said or "it requires" not in host.broken["impasto-ruin 0.1"]


def test_a_plugin_for_a_newer_host_keeps_what_this_one_knows(install, sketch):
    later = "\n    @impasto.hookimpl(optionalhook=True)\n    def impasto_moods(names):\n        return {}\n"
    install("impasto-sketch", sketch("sketch").rstrip() + "\n" + later)
    host = impasto.Host()
    host.load_entry_points(only=["sketch"])
    assert (list(host.stages), host.broken) == (["sketch"], {})


def test_two_plugins_with_one_name_are_both_named_and_go_by_their_qualified_names(install, sketch):
    install("impasto-one", sketch("twin"), version="1.0")
    install("impasto-two", sketch("twin"), version="2.0")
    install("impasto-three", sketch("single"))
    host = impasto.Host()
    host.load_entry_points(only=["one", "two", "three"])
    assert list(host.stages) == ["impasto-one/twin", "impasto-two/twin", "single"]
    assert list(host.stylizers) == list(host.stages)
    assert host.conflicts == {"stage twin": ["impasto-one 1.0", "impasto-two 2.0"]}
    with pytest.raises(LookupError) as error:
        host.stage("twin")
    assert str(error.value) == (
        "impasto-one 1.0 and impasto-two 2.0 both offer a stage called 'twin'\n"
        "  what would work: uninstall one, or leave its plugin out, as IMPASTO_PLUGINS=-color does\n"
        "  what to type: impasto-one/twin or impasto-two/twin"
    )
    for name in ("impasto-one/twin", "impasto-two/twin", "impasto-three/single"):
        assert host.distribution(host.stage(name)).split()[0] == name.split("/")[0]
    assert host.stage("Impasto_Two/twin") is host.stage("impasto-two/twin")
    assert host.name(host.stage("impasto-one/twin")) == "impasto-one/twin"
    assert host.name(host.stage("impasto-three/single")) == "single"
    with pytest.raises(LookupError, match=r"called 'impasto-three/twin'(.|\n)*installed: impasto-one/twin"):
        host.stage("impasto-three/twin")


def test_a_suffix_that_two_plugins_read_is_read_by_neither(plugin):
    host = impasto.Host(*(plugin(impasto_readers=lambda: {".raw8": bytearray}) for _ in range(2)))
    with pytest.raises(LookupError, match=r"both offer a reader called '.raw8'\n.*IMPASTO_PLUGINS=-color does$"):
        host.reader(".raw8")


def test_a_recipe_names_which_of_two_plugins_its_stage_comes_from(install, fresh_host, sketch):
    install("impasto-one", sketch("twin"), version="1.0")
    before = fresh_host("one").stage("twin")
    recipe = impasto.Pipeline(before())(CONTENT, CONTENT, device="cpu").meta.recipe
    assert 'stage = "twin"' in recipe
    install("impasto-two", sketch("twin"), version="2.0")
    one, two = fresh_host("one,two").stage("impasto-one/twin"), impasto.get_host().stage("impasto-two/twin")
    assert impasto.Pipeline.parse("impasto-two/twin, impasto-one/twin") == impasto.Pipeline(two(), one())
    both = impasto.Pipeline(two(), one()).to_toml()
    assert 'stage = "impasto-two/twin"' in both
    assert impasto.Pipeline.from_toml(both) == impasto.Pipeline(two(), one())
    assert impasto.Pipeline.from_toml(recipe) == impasto.Pipeline(one()), "made when there was but one"
    with pytest.raises(LookupError, match="impasto-one/twin or impasto-two/twin"):
        impasto.Pipeline.from_toml('[[stages]]\nstage = "twin"\n')


def test_impasto_plugins_limits_what_is_loaded(install, fresh_host, sketch):
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


def test_impasto_plugins_with_an_unknown_name_is_an_error(install, fresh_host, sketch):
    install("impasto-adobe", sketch("adobe"))
    for limit in ("adobee", "-adobee"):
        with pytest.raises(LookupError, match=r"IMPASTO_PLUGINS names adobee(.|\n)*did you mean 'adobe'"):
            fresh_host(limit)


def test_impasto_plugins_leaves_out_what_has_a_minus_before_it(install, fresh_host, sketch):
    for name in ("adobe", "basalt"):
        install(f"impasto-{name}", sketch(name))
    everything = set(fresh_host("-adobe, -basalt").stages) | {"basalt"}
    assert set(fresh_host("-adobe").stages) == everything
    with pytest.raises(LookupError, match=r"only the former(.|\n)*IMPASTO_PLUGINS=-color"):
        fresh_host("basalt,-adobe")


def test_the_default_host_is_made_once_and_on_first_use(fresh_host):
    assert fresh_host("") is impasto.get_host()


def test_registries_are_sorted_and_names_are_suggested(plugin):
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
    assert impasto.Host().distribution(Flat) == f"{Flat.__module__}, not installed as a plugin"


def test_hosts_do_not_share_plugins(plugin):
    impasto.Host(plugin(impasto_stylizers=lambda: [Flat]))
    assert "flat" not in impasto.Host().stages
