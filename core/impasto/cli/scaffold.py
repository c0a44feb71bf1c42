"""What `impasto new-plugin` writes: a plugin that installs, passes the conformance kit, and waits for its method."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

from ..files import local_path, make_folder, part_path, write_error

KINDS = ("stylizer", "preprocessor", "postprocessor")

BODIES = {
    "stylizer": '''    """Give the content the mean colour of the style."""

    strength: float = impasto.param(default=1.0, low=0, high=1, help="how far towards the style's colour")

    def stylize(self, content, styles, guides):
        total = sum(style.weight for style in styles)
        goal = sum(style.weight / total * style.image.mean((2, 3), keepdim=True) for style in styles)
        return content + self.strength * (goal - content.mean((2, 3), keepdim=True))
''',
    "preprocessor": '''    """Make the styles paler before anything is painted."""

    strength: float = impasto.param(default=0.5, low=0, high=1, help="how pale; 1 leaves the styles grey")

    def prepare(self, canvas):
        def paler(image):
            return image.lerp(image.mean(1, keepdim=True).expand_as(image), self.strength)

        return canvas.replace(styles=tuple(style.replace(image=paler(style.image)) for style in canvas.styles))
''',
    "postprocessor": '''    """Let the content shine through what was painted."""

    strength: float = impasto.param(default=0.3, low=0, high=1, help="how much of the content comes back")

    def refine(self, image, content, styles):
        return image.lerp(content, self.strength)
''',
}

FILES = {
    "src/$import/__init__.py": '''"""$summary"""

import impasto


class $class(impasto.${Kind}, name="$stage"):
$body

@impasto.hookimpl
def impasto_${kind}s():
    return [$class]
''',
    "tests/test_$module.py": """import impasto
from $import import $class
from impasto.testing import parametrize_checks


@parametrize_checks($class(), $class(strength=0.1))
def test_$module(stage, check):
    check(stage)


def test_a_strength_of_0_changes_nothing():
    content, style = impasto.samples.content("cat", 64), impasto.samples.style("wave", 64)
    painted = impasto.Pipeline($class(strength=0.0))(content, style, device="cpu")
    assert (painted.tensor - content).abs().max() < 1e-5
""",
    "pyproject.toml": """[build-system]
requires = ["hatchling>=1.26"]
build-backend = "hatchling.build"

[project]
name = "$distribution"
version = "0.1.0"
description = "$summary A stage for Impasto"
readme = "README.md"
requires-python = ">=3.10"
dependencies = ["impasto>=0.1"]

[project.optional-dependencies]
test = ["pytest>=8"]

[project.entry-points.impasto]
$stage = "$import"

[tool.hatch.build.targets.wheel]
packages = ["src/$import"]

[tool.pytest.ini_options]
testpaths = ["tests"]
""",
    "README.md": """# $distribution

$summary A stage for [Impasto](https://pypi.org/project/impasto/).

```
pip install -e '.[test]'
impasto plugins $stage
pytest
```

```python
import impasto
from $import import $class

content, style = impasto.samples.content("cat", 256), impasto.samples.style("wave", 256)
impasto.Pipeline($chain)(content, style)
```

| Parameter | Default | What it does, and where the default comes from |
|---|---|---|
| `strength` | $default | |

The paper, the formula, every departure from it, and the limits go here.
""",
    ".github/workflows/tests.yml": """name: tests
on: [push, pull_request]
jobs:
  tests:
    runs-on: ubuntu-latest
    strategy:
      matrix:
        python-version: ["3.10", "3.13"]
    steps:
      - uses: actions/checkout@v4
      - uses: actions/setup-python@v5
        with:
          python-version: ${{ matrix.python-version }}
      - run: pip install --extra-index-url https://download.pytorch.org/whl/cpu -e '.[test]'
      - run: pytest
""",
    ".gitignore": """__pycache__/
*.egg-info/
dist/
.venv/
""",
}


def new_plugin(name: str, kind: str = "stylizer", folder: str | Path = ".") -> Path:
    """Write a plugin of one stage into a new folder: code, tests, packaging, README and a workflow.

    Args:
        name: of the distribution or the stage: `impasto-sketch` or `sketch`.
        kind: "stylizer", "preprocessor" or "postprocessor".
        folder: where the new folder goes.

    Returns:
        The new folder.

    Raises:
        ValueError: no name that the distribution, the import and the stage can share, or an unknown kind.
        FileExistsError: there is such a folder already; nothing is written.

    Example:
        >>> import tempfile
        >>> new_plugin("sketch", folder=tempfile.mkdtemp()).name
        'impasto-sketch'
    """
    stage = name.strip().lower().replace("_", "-").removeprefix("impasto-")
    if not re.fullmatch(r"[a-z][a-z0-9]*(-[a-z0-9]+)*", stage):
        raise ValueError(
            f"new-plugin: {name!r} cannot name a stage\n"
            "  what would work: lower-case words joined by '-', as in pencil-sketch"
        )
    if kind not in KINDS:
        raise ValueError(f"new-plugin: kind = {kind!r} is none\n  what would work: {', '.join(KINDS)}")
    words = stage.split("-")
    title = "".join(word.capitalize() for word in words)
    values = {
        "stage": stage,
        "distribution": f"impasto-{stage}",
        "import": "impasto_" + "_".join(words),
        "module": "_".join(words),
        "class": title,
        "kind": kind,
        "Kind": kind.capitalize(),
        "body": BODIES[kind],
        "summary": BODIES[kind].partition('"""')[2].partition('"""')[0],
        "default": BODIES[kind].partition("default=")[2].partition(",")[0],
        "chain": f"{title}()" if kind == "stylizer" else f'{title}(), *impasto.Pipeline.parse("adain").stages',
    }
    if kind == "postprocessor":
        values["chain"] = f'*impasto.Pipeline.parse("adain").stages, {title}()'
    target = local_path(folder) / values["distribution"]
    if target.exists():
        raise FileExistsError(
            f"new-plugin: {target} exists\n  what would work: another name, or another folder: --folder DIR"
        )
    make_folder(target.parent)
    # In a folder beside it first: a half-written plugin is never left behind.
    scratch = part_path(target)
    try:
        for path, text in FILES.items():
            file = scratch / fill_template(path, values)
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(fill_template(text, values), encoding="utf-8")
        scratch.rename(target)
    except OSError as error:
        raise write_error(target, error) from error
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    return target


def fill_template(text: str, values: dict[str, str]) -> str:
    """Return a text with `$name` and `${name}` replaced where the name is known; all else stays."""
    return re.sub(r"\$(?:\{(\w+)\}|(\w+))", lambda match: values.get(match[1] or match[2], match[0]), text)
