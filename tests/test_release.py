"""What is released is the same everywhere: versions, bounds, licences, addresses; and what is packed is checked."""

import importlib.util
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import impasto
from impasto.host.directory import directory

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).parents[1]
PLUGINS = sorted(file.parent.name for file in ROOT.glob("plugins/*/pyproject.toml"))
EXAMPLES = sorted(file.parent.name for file in ROOT.glob("examples/*/pyproject.toml"))


def release(root):
    """The commands of a release, at work in a checkout."""
    spec = importlib.util.spec_from_file_location("release", root / ".ci" / "release.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def git(*arguments, cwd=ROOT):
    return subprocess.run(["git", *arguments], cwd=cwd, capture_output=True, text=True, check=True).stdout


@pytest.fixture
def checkout(tmp_path):
    """A copy of what says a version, with one plugin."""
    listed = git("ls-files", "*.toml", "*.md", "*.cff", ".ci", "core/impasto/__init__.py", "LICENSE").splitlines()
    for name in [*listed, *git("ls-files", "plugins/impasto-adain/src").splitlines()]:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    git("init", "--quiet", cwd=tmp_path)
    git("add", ".", cwd=tmp_path)
    return tmp_path


def project(folder):
    return tomllib.loads((folder / "pyproject.toml").read_text(encoding="utf-8"))["project"]


@pytest.mark.parametrize("plugin", PLUGINS)
def test_every_plugin_says_the_same_of_itself_as_the_others(plugin):
    said, host, tool = project(ROOT / "plugins" / plugin), project(ROOT), release(ROOT)
    assert said["urls"] == tool.addresses(plugin)
    assert tool.bound(host["version"]) in said["dependencies"]
    assert said["license-files"] == ["LICENSE"]
    assert (ROOT / "plugins" / plugin / "LICENSE").read_bytes() == (ROOT / "LICENSE").read_bytes()
    assert said["keywords"][0] == "impasto-plugin"
    assert {one for one in host["classifiers"] if "Topic" not in one} <= set(said["classifiers"])


@pytest.mark.parametrize("example", EXAMPLES)
def test_every_example_asks_for_the_impasto_it_was_written_for(example):
    assert release(ROOT).bound(project(ROOT)["version"]) in project(ROOT / "examples" / example)["dependencies"]


@pytest.mark.parametrize("plugin", PLUGINS)
def test_every_plugin_is_in_the_directory_with_what_it_offers(plugin):
    entry = next(entry for entry in directory() if entry.name == plugin)
    host = impasto.get_host()
    (distribution,) = (name for name in host.distributions if name.split()[0] == plugin)
    assert entry.summary == project(ROOT / "plugins" / plugin)["description"]
    assert {name for names in host.offers(distribution).values() for name in names} == set(entry.offers)
    assert entry.address == ""


def test_what_others_publish_is_in_the_directory_with_an_address():
    assert [entry.name for entry in directory() if entry.name not in PLUGINS and "://" not in entry.address] == []


def test_the_repository_has_one_address():
    """The examples, which stand for plugins of others, lead here as theirs would."""
    address = project(ROOT)["urls"]["Source"].removeprefix("https://")
    found = git("grep", "--files-with-matches", "--fixed-strings", address).splitlines()
    assert {name for name in found if not name.startswith("examples/") and Path(name).name != "pyproject.toml"} == set()


def test_one_command_sets_all_versions(checkout, capsys):
    release(checkout).set_version("0.7.0")
    for folder in (checkout, *(checkout / "plugins" / plugin for plugin in PLUGINS)):
        assert project(folder)["version"] == "0.7.0"
    for file in [*checkout.glob("plugins/*/pyproject.toml"), *checkout.glob("examples/*/pyproject.toml")]:
        assert "impasto>=0.7,<0.8" in project(file.parent)["dependencies"]
    assert '"impasto>=0.7,<0.8"' in (checkout / "CONTRIBUTING.md").read_text(encoding="utf-8")
    assert "\nversion: 0.7.0\n" in (checkout / "CITATION.cff").read_text(encoding="utf-8")
    assert '__version__ = "0.7.0"' in (checkout / "core/impasto/__init__.py").read_text(encoding="utf-8")
    assert "CHANGELOG.md" in capsys.readouterr().out
    assert release(checkout).bound("1.4.2") == "impasto>=1.4,<2.0"


def test_what_is_no_version_changes_nothing(checkout):
    with pytest.raises(ValueError, match="would work: 0"):
        release(checkout).set_version("v0.7")
    assert project(checkout) == project(ROOT)


@pytest.fixture
def wheel(checkout):
    """A wheel of impasto-adain as it should be, and a way to write it otherwise."""
    folder = checkout / "plugins" / "impasto-adain"
    said = project(folder)
    urls = "".join(f"Project-URL: {key}, {address}\n" for key, address in said["urls"].items())
    contents = {name: (folder / "src" / name).read_bytes() for name in release(checkout).package_files(folder)}
    about = "impasto_adain-0.1.0.dist-info"
    contents[f"{about}/METADATA"] = f"Name: impasto-adain\nVersion: {said['version']}\n{urls}\n".encode()
    contents[f"{about}/licenses/LICENSE"] = (ROOT / "LICENSE").read_bytes()

    def check(**changed):
        with zipfile.ZipFile(checkout / "one.whl", "w") as archive:
            for name, data in contents.items():
                if changed.get(Path(name).name.replace(".", "_"), data) is not None:
                    archive.writestr(name, changed.get(Path(name).name.replace(".", "_"), data))
            for name in changed.get("more", ()):
                archive.writestr(name, b"")
        release(checkout).check_wheel(folder, checkout / "one.whl")

    return check


def test_a_wheel_that_is_whole_passes(wheel):
    wheel()


@pytest.mark.parametrize(
    ("changed", "found"),
    [
        ({"adain-slim19_safetensors": None}, "lacks .*adain-slim19.safetensors"),
        ({"py_typed": None}, r"lacks .*py\.typed"),
        ({"LICENSE": None}, "no licence"),
        ({"LICENSE": b"All rights reserved"}, "or another"),
        ({"more": ["tests/test_adain.py"]}, "has .*test_adain.py"),
        ({"METADATA": b"Name: impasto-adain\nVersion: 9\n\n"}, "says version 9"),
    ],
    ids=["network", "typed", "no licence", "another licence", "tests", "version"],
)
def test_a_wheel_that_is_not_is_refused(wheel, changed, found):
    with pytest.raises(ValueError, match=found):
        wheel(**changed)


def test_the_forge_tests_every_python_that_is_promised():
    workflow = (ROOT / ".github" / "workflows" / "tests.yml").read_text(encoding="utf-8")
    lowest = project(ROOT)["requires-python"].removeprefix(">=")
    assert f'python: ["{lowest}", ' in workflow
    for job in ("lint", "host-alone", "all", "plugin-alone", "lowest", "lessons", "docs", "distributions"):
        assert f"\n  {job}:\n" in workflow
