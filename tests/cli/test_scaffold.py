"""What `impasto new-plugin` writes passes its own tests at once."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import impasto
from impasto.cli import main
from impasto.cli.scaffold import KINDS, WITH_WEIGHTS, host_bounds, new_plugin

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

CHAPTERS = Path(__file__).parents[2] / "docs" / "chapters"
TITLES = {file.read_text(encoding="utf-8").partition("\n")[0].removeprefix("# ") for file in CHAPTERS.glob("*.md")}


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


FOLLOW = """
import re, shlex, sys
from pathlib import Path
from impasto.cli import main

for block in re.findall(r"^```.*?^```", Path(sys.argv[1]).read_text(), re.MULTILINE | re.DOTALL):
    if block.startswith("```python"):
        exec(block.removeprefix("```python").removesuffix("```"), {})
    for line in block.splitlines():
        if line.startswith("impasto "):
            words = shlex.split(line.replace("gatys:", "gatys:steps=1:"))[1:]
            code = main([*words, "--steps", "2"] if words[0] == "train" else words)
            assert code == 0, line
            print("ran:", line)
"""
"""Do what a README says: run its Python and its commands, with as few steps as will do."""


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
    (tmp_path / "photographs").mkdir()
    for name in ("photo.jpg", "photographs/one.jpg"):
        impasto.read(impasto.samples.content("cat", 64)).save(tmp_path / name)
    impasto.read(impasto.samples.style("wave", 64)).save(tmp_path / "painting.jpg")
    listed = subprocess.run(
        [sys.executable, "-c", FOLLOW, str(plugin / "README.md")],
        env=environment,
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert listed.returncode == 0, listed.stdout + listed.stderr
    commands = [line for line in (plugin / "README.md").read_text().splitlines() if line.startswith("impasto ")]
    assert listed.stdout.count("ran: impasto ") == len(commands) >= 1
    assert (tmp_path / "out.png").exists() is any(" -o out.png" in line for line in commands)
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
        card = plugin / "src" / f"impasto_{kind}" / "networks" / "README.md"
        assert card.exists() is (kind in WITH_WEIGHTS)
        written = readme + (plugin / "pyproject.toml").read_text()
        assert not re.search(r"\b[Aa] [aeio]\w+ for", written)
        assert (
            "train" in tomllib.loads((plugin / "pyproject.toml").read_text())["project"]["optional-dependencies"]
        ) is (kind == "trainer")
        project = tomllib.loads((plugin / "pyproject.toml").read_text())["project"]
        assert "impasto-plugin" in project["keywords"]
        assert project["dependencies"] == [f"impasto{host_bounds(impasto.__version__)}"]
        assert project["urls"]
        for title in re.findall(r"\*([^*]+)\*", readme.partition("How such a plugin is made: ")[2].partition(".  ")[0]):
            assert title in TITLES, title
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
