"""What `impasto new-plugin` writes passes its own tests at once."""

import os
import re
import subprocess
import sys

import pytest

import impasto
from impasto.cli import main
from impasto.cli.scaffold import KINDS, WITH_WEIGHTS, host_bounds, new_plugin

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib


def installed(plugin):
    """Return an environment in which a plugin is installed as its pyproject.toml says, without a build."""
    project = tomllib.loads((plugin / "pyproject.toml").read_text())
    metadata = project["project"]
    info = plugin / "src" / f"{metadata['name'].replace('-', '_')}-{metadata['version']}.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {metadata['name']}\nVersion: {metadata['version']}\n")
    points = "".join(f"{name} = {module}\n" for name, module in metadata["entry-points"]["impasto"].items())
    (info / "entry_points.txt").write_text(f"[impasto]\n{points}")
    assert (plugin / project["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"][0] / "__init__.py").is_file()
    paths = [str(plugin / "src"), *filter(None, [os.environ.get("PYTHONPATH")])]
    return os.environ | {"PYTHONPATH": os.pathsep.join(paths)}


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_a_new_plugin_passes_its_tests_and_is_listed(tmp_path, kind):
    plugin = new_plugin("pencil_sketch", kind, tmp_path)
    environment = installed(plugin)
    ran = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(plugin)],
        env=environment,
        cwd=plugin,
        capture_output=True,
        text=True,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    listed = subprocess.run(
        [sys.executable, "-m", "impasto", "plugins"],
        env=environment,
        capture_output=True,
        text=True,
    )
    offers = listed.stdout.partition("impasto-pencil-sketch 0.1.0\n")[2].partition("\nimpasto-")[0]
    assert re.search(rf"^  {kind} +pencil-sketch$", offers, re.MULTILINE)


def test_its_code_is_formatted_and_its_readme_runs(tmp_path):
    for kind in KINDS:
        plugin = new_plugin(kind, kind, tmp_path)
        assert not [file for file in plugin.rglob("*") if file.is_file() and "$import" in file.read_text()]
        for file in plugin.rglob("*.py"):
            compile(file.read_text(), str(file), "exec")
        readme = (plugin / "README.md").read_text()
        compile(readme.partition("```python\n")[2].partition("```")[0], "README.md", "exec")
        shown = {file.name for file in plugin.iterdir()}
        assert {"LICENSE", "README.md", "pyproject.toml", "src", "tests"} <= shown
        assert ("MODEL_CARD.md" in shown) is (kind in WITH_WEIGHTS)
        project = tomllib.loads((plugin / "pyproject.toml").read_text())["project"]
        assert "impasto-plugin" in project["keywords"]
        assert project["dependencies"] == [f"impasto{host_bounds(impasto.__version__)}"]
        assert project["urls"]
        assert "${{ matrix.python-version }}" in (plugin / ".github/workflows/tests.yml").read_text()


def test_nothing_that_exists_is_touched(tmp_path):
    made = new_plugin("sketch", folder=tmp_path)
    (made / "README.md").write_text("mine")
    with pytest.raises(FileExistsError, match="another name"):
        new_plugin("impasto-sketch", folder=tmp_path)
    assert (made / "README.md").read_text() == "mine"
    assert [path.name for path in tmp_path.iterdir()] == ["impasto-sketch"]


def test_a_plugin_is_bound_to_the_minor_release_it_was_begun_with():
    assert host_bounds("0.1.0") == ">=0.1,<0.2"
    assert host_bounds("0.12.7.dev1") == ">=0.12,<0.13"
    assert host_bounds("2.3.1") == ">=2.3,<3"


@pytest.mark.parametrize("name", ["", "2d", "my sketch", "../sketch", "sketch-"])
def test_names_that_cannot_be_shared_are_refused(tmp_path, name):
    with pytest.raises(ValueError, match="cannot name a plugin"):
        new_plugin(name, folder=tmp_path / "plugins")
    assert not list(tmp_path.iterdir())


def test_the_command_says_what_to_type_next(tmp_path, capsys):
    assert main(["new-plugin", "sketch", "--kind", "postprocessor", "--folder", str(tmp_path)]) == 0
    said = capsys.readouterr().out
    assert f"pip install -e '{tmp_path / 'impasto-sketch'}[test]'" in said
    assert main(["new-plugin", "sketch", "--folder", str(tmp_path)]) == 2
    assert "exists" in capsys.readouterr().err


def test_the_kit_runs_on_what_is_installed(capsys):
    assert main(["plugins", "clip-gamut", "--check"]) == 0
    assert "ok        stays inside the mask" in capsys.readouterr().out
    assert main(["plugins", "impasto-resize", "--check"]) == 0
    checked = capsys.readouterr()
    assert "Pad(" in checked.out + checked.err
    assert "RestoreSize(" in checked.out + checked.err
    assert main(["plugins", "--check"]) == 2
    assert main(["plugins", "no-such-stage", "--check"]) == 2
