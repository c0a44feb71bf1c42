"""Shells complete commands, options, stages and files."""

import contextlib
import io
import os
import shlex
import subprocess
import types

import pytest

import impasto
from impasto import cli
from impasto.cli.parser import SHELLS

pytestmark = pytest.mark.usefixtures("installed")


def complete(words):
    """What bash proposes for the last of these words."""
    script = cli_output(["completion", "bash"])
    line = " ".join(f"'{word}'" for word in words)
    call = f"COMP_WORDS=({line}); COMP_CWORD={len(words) - 1}; _shtab_impasto"
    driver = f'{script}\n{call}; echo "${{COMPREPLY[@]}}"'
    return subprocess.run(["bash", "-c", driver], capture_output=True, text=True, check=True).stdout.split()


def cli_output(arguments):

    with contextlib.redirect_stdout(io.StringIO()) as out:
        assert cli.main(arguments) == 0
    return out.getvalue()


@pytest.mark.skipif(os.name == "nt", reason="bash")
def test_bash_completes_commands_options_stages_and_leaves_files_to_the_shell():
    assert complete(["impasto", "pa"]) == ["paint"]
    assert complete(["impasto", "paint", "--prec"]) == ["--precision"]
    assert complete(["impasto", "paint", "--precision", "b"]) == ["bfloat16"]
    assert complete(["impasto", "paint", "x.jpg", "--with", "b"]) == ["blend"]
    assert complete(["impasto", "paint", "x.jpg", "--with", "blend,p"]) == ["blend,picky"]
    assert complete(["impasto", "plugins", "slo"]) == ["slow"]
    assert complete(["impasto", "train", "slim"]) == ["slim19"]
    assert complete(["impasto", "paint", "pho"]) == []


@pytest.mark.skipif(os.name == "nt", reason="bash")
def test_bash_completes_files_where_files_are_expected(photo):
    assert complete(["impasto", "paint", "pho"]) == ["photo.png"]
    assert complete(["impasto", "paint", "photo.png", "pho"]) == ["photo.png"]
    assert complete(["impasto", "paint", "photo.png", "--mask", "pho"]) == ["photo.png"]
    assert complete(["impasto", "run", "pho"]) == ["photo.png"]


@pytest.mark.skipif(os.name == "nt", reason="bash")
@pytest.mark.parametrize("before", ["", "blend,", "'", "blend:amount=1, "])
def test_bash_completes_files_behind_a_parameter_that_names_one(before, photo, monkeypatch):
    class Overlay(impasto.Postprocessor, name="overlay"):
        """Lay another picture over it."""

        picture: str = impasto.param(reads=True, default="", help="what lies over it")

        def refine(self, image, content, styles):
            return image

    host = impasto.Host(types.SimpleNamespace(impasto_postprocessors=impasto.hookimpl(lambda: [Overlay])))
    monkeypatch.setattr("impasto.host.registry._installed", lambda: host)
    (script,) = [cli_output(["completion", "bash"])]
    typed = shlex.quote(f"{before}overlay:picture=pho")
    done = subprocess.run(
        ["bash", "-c", f"{script}\n_impasto_stages {typed}"], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == f"{before}overlay:picture=photo.png".lstrip("'")


@pytest.mark.skipif(os.name == "nt", reason="bash")
@pytest.mark.parametrize("before", ["", "slow,", "slow:steps=3, ", "picky,"])
def test_bash_completes_presets_of_the_stage_before_them(before):
    script = cli_output(["completion", "bash"])
    typed = [f"{before}blend:preset=g", f"{before}blend:amount=1:preset=", "slow:preset="]
    calls = "; ".join(f"echo $(_impasto_stages {shlex.quote(one)})" for one in typed)
    done = subprocess.run(["bash", "-c", f"{script}\n{calls}"], capture_output=True, text=True, check=True)
    one, two, none = done.stdout.splitlines()
    assert one == f"{before}blend:preset=grainy"
    assert [word.rpartition("=")[2] for word in two.split() if "preset" in word] == ["grainy", "strong"]
    assert none == ""


@pytest.mark.parametrize("shell", SHELLS)
def test_completing_starts_no_python(shell):
    lines = [line for line in cli_output(["completion", shell]).splitlines() if not line.lstrip().startswith("#")]
    assert not any(word in line for line in lines for word in ("python", "$(impasto", "(impasto "))


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_the_other_shells_get_commands_and_stages(shell):
    text = cli_output(["completion", shell])
    assert all(word in text for word in ("impasto", "paint", "completion", "precision", "blend", "slim19", "grainy"))


@pytest.mark.skipif(os.name == "nt", reason="bash")
def test_bash_completes_watchers_and_whatever_has_a_name(installed):
    class Pulse(impasto.Watcher, name="pulse"):
        """Print every few steps."""

        @impasto.hookimpl
        def impasto_step(self, step):
            pass

    plugin = types.SimpleNamespace(__name__="impasto-pulse 1.0", impasto_watchers=lambda: [Pulse])
    impasto.hookimpl(plugin.impasto_watchers)
    installed.register(plugin)
    assert complete(["impasto", "run", "x.jpg", "--watch", "p"]) == ["pulse"]
    assert complete(["impasto", "run", "x.jpg", "--watch", "pulse,p"]) == ["pulse,pulse"]
    assert complete(["impasto", "paint", "x.jpg", "--with", "p"]) == ["picky"]
    assert complete(["impasto", "plugins", "pu"]) == ["pulse"]
