"""House rules: what is documented, listed and promised in one place is true in every other."""

import ast
import contextlib
import doctest
import importlib
import inspect
import io
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

import impasto
from impasto import testing
from impasto.host import hookspecs
from impasto.host.manager import HOOKS

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).parents[1]
CONTRIBUTING = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
README = (ROOT / "README.md").read_text(encoding="utf-8")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
PLUGINS = sorted(folder.name for folder in (ROOT / "plugins").iterdir() if (folder / "pyproject.toml").exists())
EXAMPLE = ROOT / "examples" / "impasto-posterize"
CHAPTERS = sorted((ROOT / "docs" / "chapters").glob("*.md"))

FENCED = re.compile(
    r"^(?:`(?P<path>[\w./-]+)`\n\n|<!-- not run: (?P<reason>.+) -->\n)?"
    r"^(?P<fence>`{3,})(?P<language>\w*)\n(?P<code>.*?)^(?P=fence)$",
    re.MULTILINE | re.DOTALL,
)
"""A fenced block; a file's path before it, or a remark that it is not run and why."""


def project(plugin):
    return tomllib.loads((ROOT / "plugins" / plugin / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def python_files(*folders):
    return [file for folder in folders for file in sorted(Path(folder).rglob("*.py"))]


def tree(file):
    return ast.parse(file.read_text(encoding="utf-8"), str(file))


def tracked_files():
    """What git has or would take."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return [ROOT / name for name in listed.stdout.split("\0") if name and (ROOT / name).is_file()]


# ------------------------------------------------------------------------------------------- rooms and wings

CORE = ROOT / "core" / "impasto"
WINGS = sorted(file.parent.name for file in CORE.glob("*/__init__.py"))
PACKAGES = [CORE, *(CORE / wing for wing in WINGS), *(ROOT.glob("plugins/*/src/*"))]


def test_no_file_is_long():
    drawn = CORE / "samples"
    sources = [file for file in python_files(CORE, *ROOT.glob("plugins/*/src")) if not file.is_relative_to(drawn)]
    lines = {file.relative_to(ROOT).as_posix(): file.read_text(encoding="utf-8").count("\n") for file in sources}
    assert {file: count for file, count in lines.items() if count > 400} == {}


def test_the_host_has_few_rooms():
    rooms = [*WINGS, *(file.stem for file in CORE.glob("*.py") if file.stem != "__init__")]
    assert len(rooms) <= 25, sorted(rooms)


def test_the_tests_mirror_the_wings():
    assert sorted({file.parent.name for file in (ROOT / "tests").glob("*/test_*.py")}) == WINGS


def exported(package):
    """The names of a package's face, by what is imported there."""
    face = package / ("__init__.pyi" if (package / "__init__.pyi").is_file() else "__init__.py")
    names = {}
    for node in tree(face).body:
        if isinstance(node, ast.ImportFrom):
            names |= {alias.asname or alias.name: node.module for alias in node.names}
        elif isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            names[node.name] = face.stem
    return names


@pytest.mark.parametrize("wing", WINGS)
def test_every_wing_says_what_lives_there_and_what_is_public(wing):
    module = importlib.import_module(f"impasto.{wing}")
    assert module.__doc__
    # Constants, classes, functions, each in order: as ruff sorts them.
    order = sorted(module.__all__, key=lambda name: (not name.isupper(), not name[0].isupper(), name))
    assert module.__all__ == order
    assert [name for name in module.__all__ if not hasattr(module, name)] == []


@pytest.mark.parametrize("package", PACKAGES, ids=lambda package: package.name)
def test_no_module_hides_behind_a_name_beside_it(package):
    rooms = {file.stem for file in package.glob("*.py")} | {file.parent.name for file in package.glob("*/__init__.py")}
    hidden = {name for name, module in exported(package).items() if name in rooms and module is not None}
    assert hidden == set(), "import package.room has to give the room"


# ------------------------------------------------------------------------------------------------- hooks


@pytest.mark.parametrize("hook", HOOKS)
def test_every_hook_is_documented_with_its_exact_arguments(hook):
    arguments = ", ".join(inspect.signature(getattr(hookspecs, hook)).parameters)
    assert f"| `{hook}({arguments})` |" in CONTRIBUTING
    assert getattr(hookspecs, hook).__doc__


@pytest.mark.parametrize("hook", HOOKS)
def test_every_hook_has_a_test(hook):
    wanted = hook.replace("impasto_", "test_hook_")
    names = {node.name for file in python_files(ROOT / "tests") for node in tree(file).body if hasattr(node, "name")}
    assert wanted in names


def test_every_check_of_the_kit_is_explained_in_order():
    documented = re.findall(r"^\| `(\w+)` \|", FENCED.sub("", CONTRIBUTING), re.MULTILINE)
    assert documented == [check.__name__ for check in testing.CHECKS]


@pytest.mark.parametrize("kind", [kind for kind in testing.SUITES if kind != "stage"])
def test_every_check_of_what_is_no_stage_has_a_row_in_a_table_in_order(kind):
    tables = [file.read_text(encoding="utf-8") for file in (*CHAPTERS, ROOT / "CONTRIBUTING.md")]
    cells = [
        [
            name.replace("_", " ")
            for row in re.findall(r"^\| ([`\w, ]+) \|", text, re.MULTILINE)
            for name in re.findall(r"[\w ]+\w", row)
        ]
        for text in tables
    ]
    checks = [check.__name__.replace("_", " ") for check in testing.SUITES[kind].checks]
    assert any([name for name in names if name in checks] == checks for names in cells)


# ----------------------------------------------------------------------------------------------- plugins


@pytest.mark.parametrize("plugin", PLUGINS)
def test_every_plugin_is_listed_wherever_plugins_are(plugin):
    requirements = (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines()
    assert f"-e ./plugins/{plugin}" in requirements
    assert f"| [{plugin}](plugins/{plugin}) |" in README
    assert plugin in PROJECT["optional-dependencies"]["all"]


def test_nothing_is_listed_that_is_no_plugin():
    requirements = re.findall(r"plugins/([\w-]+)", (ROOT / "requirements.txt").read_text(encoding="utf-8"))
    assert sorted(requirements) == PLUGINS
    assert sorted(PROJECT["optional-dependencies"]["all"]) == PLUGINS


@pytest.mark.parametrize("plugin", PLUGINS)
def test_the_names_of_a_plugin_rhyme(plugin):
    stem, module = plugin.removeprefix("impasto-"), plugin.replace("-", "_")
    assert project(plugin)["name"] == plugin
    assert project(plugin)["entry-points"]["impasto"] == {stem: module}
    for file in (f"src/{module}/__init__.py", f"src/{module}/py.typed", f"tests/test_{stem}.py", "README.md"):
        assert (ROOT / "plugins" / plugin / file).is_file(), file


@pytest.mark.parametrize("plugin", PLUGINS)
def test_every_plugin_loads_and_offers_something(plugin):
    name = f"{plugin} {project(plugin)['version']}"
    host = impasto.get_host()
    assert host.broken.get(name) is None
    assert name in host.distributions, "pip install -r requirements-dev.txt"
    assert host.offers(name)


def test_no_two_plugins_offer_one_name():
    assert impasto.get_host().conflicts == {}


@pytest.mark.parametrize("plugin", PLUGINS)
def test_no_plugin_imports_another(plugin):
    own = plugin.replace("-", "_")
    for file in python_files(ROOT / "plugins" / plugin / "src"):
        for node in ast.walk(tree(file)):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module] if isinstance(node, ast.ImportFrom) and node.module else []
            others = {name for name in names if name.startswith("impasto_") and name.split(".")[0] != own}
            assert not others, f"{file} imports {others}: move what both need into the host"


def checked_stages(*folders):
    """The classes that tests hand to the conformance kit."""
    return {
        inner.func.id
        for file in python_files(*folders)
        for node in ast.walk(tree(file))
        if isinstance(node, ast.Call)
        and getattr(node.func, "id", getattr(node.func, "attr", "")) == "parametrize_checks"
        for argument in node.args
        for inner in ast.walk(argument)
        if isinstance(inner, ast.Call) and isinstance(inner.func, ast.Name)
    }


@pytest.mark.parametrize("plugin", ["impasto", *PLUGINS])
def test_every_stage_passes_the_kit_in_its_own_tests(plugin):
    host = impasto.get_host()
    version = PROJECT["version"] if plugin == "impasto" else project(plugin)["version"]
    offered = {kind.__name__ for kind in host.stages.values() if host.distribution(kind) == f"{plugin} {version}"}
    tests = ROOT / "tests" if plugin == "impasto" else ROOT / "plugins" / plugin / "tests"
    assert offered <= checked_stages(tests)


def test_every_build_asks_for_the_same_backend():
    named = {
        match
        for file in tracked_files()
        if file.suffix in (".toml", ".txt", ".md")
        for match in re.findall(r"hatchling[><=~]+[\d.]+", file.read_text(encoding="utf-8"))
    }
    assert len(named) == 1


def test_versions_agree():
    version = PROJECT["version"]
    assert impasto.__version__ == version
    assert f"\nversion: {version}\n" in (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    for plugin in PLUGINS:
        assert project(plugin)["version"] == version, plugin


def test_the_changelog_has_a_heading_for_each_distribution():
    newest = re.split(r"^## ", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), flags=re.MULTILINE)[1]
    assert newest.startswith(PROJECT["version"])
    assert {"impasto", *PLUGINS} <= set(re.findall(r"^### (\S+)$", newest, re.MULTILINE))


# --------------------------------------------------------------------------------------- what people read


def test_the_plugin_of_contributing_is_the_example_to_the_byte():
    printed = {match["path"]: match["code"] for match in FENCED.finditer(CONTRIBUTING) if match["path"]}
    files = {
        f"impasto-posterize/{file.relative_to(EXAMPLE).as_posix()}": file.read_text(encoding="utf-8")
        for file in tracked_files()
        if file.is_relative_to(EXAMPLE)
    }
    assert printed == files


DOCUMENTS = {
    "README.md": README,
    "CONTRIBUTING.md": CONTRIBUTING,
    **{
        f"plugins/{plugin}/README.md": (ROOT / "plugins" / plugin / "README.md").read_text(encoding="utf-8")
        for plugin in PLUGINS
        if (ROOT / "plugins" / plugin / "README.md").exists()
    },
    "examples/impasto-posterize/README.md": (EXAMPLE / "README.md").read_text(encoding="utf-8"),
    **{f"docs/chapters/{file.name}": file.read_text(encoding="utf-8") for file in CHAPTERS},
}


@pytest.mark.parametrize("chapter", CHAPTERS, ids=lambda file: file.stem)
def test_a_chapter_shows_its_example_to_the_byte(chapter):
    for block in FENCED.finditer(chapter.read_text(encoding="utf-8")):
        if block["path"]:
            assert block["code"] == (ROOT / "examples" / block["path"]).read_text(encoding="utf-8"), block["path"]


@pytest.mark.parametrize("name", DOCUMENTS)
def test_the_code_that_people_read_runs(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    impasto.read(impasto.samples.content("astronaut", 64)).save("photo.jpg")
    impasto.read(impasto.samples.style("mosaic", 64)).save("painting.jpg")
    blocks = [match for match in FENCED.finditer(DOCUMENTS[name]) if match["language"] == "python"]
    namespace = {"__name__": "__main__"}
    ran = 0
    for block in blocks:
        if block["path"] or block["reason"]:
            continue
        with contextlib.redirect_stdout(io.StringIO()):
            exec(compile(block["code"], name, "exec"), namespace)
        ran += 1
    assert ran, f"{name} has no code that runs"


MODULES = [
    ".".join(file.relative_to(ROOT / "core").with_suffix("").parts).removesuffix(".__init__")
    for file in python_files(ROOT / "core" / "impasto")
]


@pytest.mark.parametrize("module", MODULES)
def test_the_examples_in_docstrings_run(module):
    as_in_a_notebook = {"__name__": "__main__"}
    result = doctest.testmod(importlib.import_module(module), extraglobs=as_in_a_notebook, optionflags=doctest.ELLIPSIS)
    assert result.failed == 0


def test_links_between_documents_lead_somewhere():
    for name, text in DOCUMENTS.items():
        for target in re.findall(r"\]\((?!https?:|#|mailto:)([^)#\s]+)", FENCED.sub("", text)):
            assert ((ROOT / name).parent / target).exists(), f"{name} links to {target}"


# ---------------------------------------------------------------------------------------- files and folders

LOCAL = re.compile(r"(?<![\w.])(?:/(?:work|root|home/\w+|Users/\w+)/|[A-Z]:\\+Users\\+)[\w.-]")


def test_no_file_mentions_a_path_of_somebodys_machine():
    guilty = {}
    for file in tracked_files():
        with contextlib.suppress(UnicodeDecodeError):
            found = LOCAL.search(file.read_text(encoding="utf-8"))
            if found:
                guilty[file.relative_to(ROOT).as_posix()] = found[0]
    assert guilty == {}


TUTORIALS = sorted((ROOT / "tutorials").glob("*.ipynb"))


@pytest.mark.parametrize("tutorial", TUTORIALS, ids=[file.stem for file in TUTORIALS])
def test_every_tutorial_is_executed_in_order_and_light(tutorial):
    assert tutorial.stat().st_size < 1_000_000
    cells = json.loads(tutorial.read_text(encoding="utf-8"))["cells"]
    code = [cell for cell in cells if cell["cell_type"] == "code" and "".join(cell["source"]).strip()]
    assert code
    assert [cell["execution_count"] for cell in code] == list(range(1, len(code) + 1))
    for cell in code:
        errors = [output["evalue"] for output in cell["outputs"] if output["output_type"] == "error"]
        assert not errors or "raises-exception" in cell["metadata"].get("tags", []), errors
