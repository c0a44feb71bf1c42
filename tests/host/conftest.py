"""Plugins to test the host with: made of functions, or installed for one test."""

import sys
import textwrap
import types

import pytest

import impasto
from impasto.host.registry import _installed

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


@pytest.fixture
def plugin():
    def plugin(**hooks):
        """A plugin made of functions, which are marked as hooks."""
        made = types.ModuleType("sketch")
        vars(made).update({name: impasto.hookimpl(hook) for name, hook in hooks.items()})
        return made

    return plugin


@pytest.fixture
def sketch():
    """Return the code of a plugin with one stylizer."""

    def sketch(stage):
        return SKETCH.format(stage=stage, title=stage.title())

    return sketch


@pytest.fixture
def install(tmp_path, monkeypatch):
    """Install a distribution for one test: a module and its metadata in a folder on the path."""
    modules = []

    def install(name, code, version="0.1", requires=()):
        module = name.replace("-", "_")
        folder = tmp_path / name
        metadata = folder / f"{module}-{version}.dist-info"
        metadata.mkdir(parents=True)
        (folder / f"{module}.py").write_text(textwrap.dedent(code))
        lines = ["Metadata-Version: 2.1", f"Name: {name}", f"Version: {version}"]
        lines += [f"Requires-Dist: {requirement}" for requirement in requires]
        (metadata / "METADATA").write_text("\n".join([*lines, ""]))
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
