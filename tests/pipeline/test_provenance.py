"""Who lacks a plugin, or has another version of it, is told which one a recipe was made with."""

import pytest
import tomli_w
from packaging.utils import canonicalize_name

import impasto
from impasto import Pipeline
from impasto.errors import ParameterError

CONTENT = impasto.samples.content("astronaut", 64)


class Fade(impasto.Postprocessor, name="fade"):
    """Blend the picture with the content."""

    amount: float = impasto.param(default=0.5, low=0, high=1, help="share of the content")

    def refine(self, image, content, styles):
        return image.lerp(content, self.amount)


class Plugin:
    @impasto.hookimpl
    def impasto_postprocessors(self):
        return [Fade]


@pytest.fixture(autouse=True)
def host(monkeypatch):
    """A host in which impasto-fade 0.2.0 is installed, and nothing else."""
    made = impasto.Host()
    made.register(Plugin(), "impasto-fade 0.2.0")
    monkeypatch.setattr("impasto.host.registry._installed", lambda: made)
    versions = {"impasto-fade": "0.2.0", "impasto": "0.1.0"}
    monkeypatch.setattr(
        "impasto.pipeline.provenance.version", lambda name: versions.get(canonicalize_name(name), "unknown")
    )
    return made


def recipe(stage, *plugins, **values):
    return tomli_w.dumps({"stages": [{"stage": stage, **values}], "made": {"plugins": list(plugins)}})


def message(text):
    with pytest.raises((LookupError, ValueError)) as error:
        Pipeline.from_toml(text)
    return str(error.value)


def test_a_stage_of_a_plugin_that_is_not_installed_names_the_plugin():
    assert message(recipe("efdm", "impasto-efdm 0.1.0", "impasto-fade 0.2.0")) == (
        "no installed plugin offers a stage called 'efdm'\n"
        "  it was made with impasto-efdm 0.1.0, which is not installed\n"
        "  what to type: pip install impasto-efdm, if you trust who wrote it"
    )
    several = message(recipe("efdm", "impasto-efdm 0.1.0", "impasto-lut 1.2"))
    assert "made with impasto-efdm 0.1.0, impasto-lut 1.2, which are not installed" in several
    assert "pip install impasto-efdm impasto-lut, if" in several


def test_a_stage_or_parameter_of_another_version_names_both():
    for text in (recipe("fade-out", "impasto-fade 0.3.0"), recipe("fade", "Impasto_Fade 0.3.0", gamma=2.0)):
        assert "0.3.0, and 0.2.0 is installed\n  what to type: pip install " in message(text)
        assert message(text).lower().replace("_", "-").endswith("impasto-fade==0.3.0")
    assert "fade has no parameter 'gamma'" in message(recipe("fade", "impasto-fade 0.3.0", gamma=2.0))
    assert "does not fit" in message(recipe("fade", "impasto-fade 0.3.0", amount=2.0))
    with pytest.raises(ParameterError):
        Pipeline.from_toml(recipe("fade", "impasto-fade 0.3.0", gamma=2.0))


@pytest.mark.parametrize(
    "text",
    [
        recipe("efdm"),
        recipe("efdm", "impasto-fade 0.2.0"),
        recipe("fade", "impasto-fade 0.2.0", gamma=2.0),
        recipe("fade", "impasto-other 0.3.0", gamma=2.0),
        recipe("efdm", "somewhere, not installed as a plugin"),
    ],
)
def test_where_the_recipe_does_not_help_the_message_is_the_usual_one(text):
    assert "made with" not in message(text)
    assert "installed: fade" in message(text) or "it has: amount" in message(text)


@pytest.mark.parametrize(
    "entry",
    [
        "--index-url=http://evil.example 0.1",
        "evil;rm 0.1",
        "evil$(rm) 0.1",
        "evil\x1b[2J 0.1",
        "evil @ 0.1",
        "evil 0.1; rm -rf",
        "evil http://evil.example",
        "e" * 200 + " 0.1",
        "evil " + "1." * 100 + "0",
        "evil",
        3,
        ["evil 0.1"],
    ],
)
def test_nothing_that_is_no_name_and_version_is_repeated(entry):
    found = message(recipe("efdm", entry))
    assert "evil" not in found
    assert "made with" not in found


@pytest.mark.parametrize("made", [3, [], {"plugins": "evil 0.1"}, {"plugins": {"a": "evil 0.1"}}, {"plugins": 0.1}])
def test_a_table_of_another_form_says_nothing(made):
    assert "evil" not in message(tomli_w.dumps({"stages": [{"stage": "efdm"}], "made": made}))


def test_a_picture_and_a_saved_pipeline_both_say_who_made_them(tmp_path, host):
    pipe = Pipeline(Fade())
    pipe.save(tmp_path / "pipe.toml")
    pipe(CONTENT, device="cpu").save(tmp_path / "picture.png")
    host._offers.clear()
    for name in ("pipe.toml", "picture.png"):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("impasto.pipeline.provenance.version", lambda name: "unknown")
            with pytest.raises(LookupError, match=r"made with impasto-fade 0\.2\.0, which is not installed"):
                Pipeline.load(tmp_path / name)


def test_a_saved_pipeline_loads_as_before(tmp_path):
    Pipeline(Fade(amount=0.25)).save(tmp_path / "pipe.toml")
    assert Pipeline.load(tmp_path / "pipe.toml") == Pipeline(Fade(amount=0.25))
