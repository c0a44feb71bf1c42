"""Plugins add commands, which stand in the help and never take the place of Impasto's own."""

import subprocess
import sys
import textwrap

import pytest

import impasto
from impasto import cli
from impasto.cli import plugin_commands

CODE = """
    import impasto

    def greet(parser):
        '''Greet somebody.'''
        parser.add_argument("name", help="who is greeted")
        parser.add_argument("--code", type=int, help="to end with")

        def run(given):
            if given.name == "nobody":
                raise impasto.PictureError("greet: there is nobody")
            print("good day,", given.name)
            return given.code

        return run

    def paint(parser):
        return print

    @impasto.hookimpl
    def impasto_commands():
        return {"greet": greet, "paint": paint}
"""


@pytest.fixture
def folder(tmp_path):
    """The folder of an installed plugin with commands."""
    metadata = tmp_path / "site" / "impasto_manners-1.0.dist-info"
    metadata.mkdir(parents=True)
    (metadata.parent / "impasto_manners.py").write_text(textwrap.dedent(CODE))
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: impasto-manners\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text("[impasto]\nmanners = impasto_manners\n")
    return metadata.parent


@pytest.fixture
def impasto_says(folder, tmp_path):
    def impasto_says(*arguments, plugins="manners"):
        """Run the command line where that plugin is installed: its exit code, and what it printed."""
        program = (
            f"import os, sys; sys.path.insert(0, {str(folder)!r}); os.environ['IMPASTO_PLUGINS'] = {plugins!r}\n"
            "from impasto.cli import main\n"
            "try:\n    code = main(sys.argv[1:])\n"
            "except SystemExit as end:\n    code = end.code\n"
            "print('torch' if 'torch' in sys.modules else 'quick')\n"
            "sys.exit(code)"
        )
        done = subprocess.run(
            [sys.executable, "-c", program, *arguments], cwd=tmp_path, capture_output=True, text=True, check=False
        )
        return done.returncode, done.stdout + done.stderr

    return impasto_says


def test_an_installed_command_runs_and_stands_in_the_help(impasto_says):
    code, text = impasto_says("--help")
    assert code == 0
    assert " ".join(text.split()).count("greet greet somebody (impasto-manners 1.0)") == 1
    assert impasto_says("greet", "Vincent") == (0, "good day, Vincent\ntorch\n")
    code, text = impasto_says("completion", "bash")
    assert "--code" in text


def test_what_needs_no_plugin_waits_for_none(impasto_says):
    for arguments in (["--version"], ["paint", "--nonsense"], ["report", "--help"]):
        assert "quick" in impasto_says(*arguments)[1]


class Manners:
    __name__ = "impasto-manners 1.0"

    def __init__(self, **commands):
        self.commands = commands

    @impasto.hookimpl
    def impasto_commands(self):
        return self.commands


@pytest.fixture
def offered(monkeypatch):
    def offered(**commands):
        host = impasto.Host(Manners(**commands))
        monkeypatch.setattr("impasto.host.registry._installed", lambda: host)
        monkeypatch.setattr(plugin_commands, "_plugin_modules", lambda: [__name__])

    return offered


def with_result(result):
    def options(parser):
        """Do something."""
        parser.add_argument("--level", type=int, default=3)
        return lambda given: result(given)

    return options


def test_exit_codes_are_those_of_the_command(offered, capsys):
    offered(good=with_result(lambda given: None), level=with_result(lambda given: given.level))
    assert cli.main(["good"]) == 0
    assert cli.main(["level"]) == 3
    assert cli.main(["level", "--level", "5"]) == 5
    with pytest.raises(SystemExit) as ended:
        cli.main(["level", "--nonsense"])
    assert ended.value.code == 2
    with pytest.raises(SystemExit):
        cli.main(["level", "--help"])
    assert "Do something." in capsys.readouterr().out


def test_errors_are_told_as_those_of_any_command(offered, capsys):
    def fail(given):
        raise impasto.StageError("no such colour\n  what would work: blue")

    def interrupt(given):
        raise KeyboardInterrupt

    offered(fail=with_result(fail), stop=with_result(interrupt), odd=with_result(lambda given: 1 / 0))
    assert cli.main(["fail"]) == 1
    assert capsys.readouterr().err == "impasto: no such colour\n  what would work: blue\n"
    assert cli.main(["stop"]) == 130
    assert capsys.readouterr().err == "impasto: interrupted\n"
    assert cli.main(["odd"]) == 1
    assert "ZeroDivisionError" in capsys.readouterr().err


def test_a_command_never_takes_the_place_of_impastos_own(offered, capsys):
    def refuse(parser):
        raise AssertionError("asked")

    offered(paint=refuse, weights=refuse, more=with_result(lambda given: 7))
    assert cli.main(["paint", "no-such.jpg", "-o", "out.png"]) == 2
    assert cli.main(["more"]) == 7
    capsys.readouterr()
    assert cli.main(["plugins"]) == 0
    out = capsys.readouterr().out
    assert "  command        more, paint, weights" in out
    assert "not used, since Impasto has its own\n  command paint: by impasto-manners 1.0" in out
    assert "command more" not in out


def taking(*names, **more):
    def options(parser):
        parser.add_argument(*names, **more)
        return print

    return options


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (lambda parser: None, "gave back None\n  what would work: to return the function"),
        (lambda parser: 1 / 0, "could not be added\n  ZeroDivisionError"),
        (taking("command"), "has an argument called 'command', which is taken"),
        (taking("--what", dest="traceback"), "called 'traceback', which is taken"),
        (taking("--traceback"), "conflicting option"),
        (with_result(lambda given: "done"), "gave back 'done'\n  what would work: None or 0"),
        (with_result(lambda given: True), "gave back True"),
    ],
)
def test_a_command_with_faults_is_named_and_stops_no_other(offered, capsys, options, message):
    offered(faulty=options, good=with_result(lambda given: None))
    assert cli.main(["faulty"]) == 1
    said = capsys.readouterr().err
    assert "impasto: impasto-manners 1.0: " in said
    assert message in said
    assert cli.main(["good"]) == 0
    with pytest.raises(SystemExit) as ended:
        cli.main(["--help"])
    assert ended.value.code == 0
    assert cli.main(["completion", "zsh"]) == 0


def test_what_did_not_load_is_said_where_a_command_is_not_found(offered, capsys):
    offered()
    impasto.get_host().broken["impasto-sad 1.0"] = "ModuleNotFoundError: No module named 'sad'"
    with pytest.raises(SystemExit) as ended:
        cli.main(["greet"])
    assert ended.value.code == 2
    said = capsys.readouterr().err
    assert "impasto-sad 1.0 did not load: ModuleNotFoundError: No module named 'sad'" in said
    assert "invalid choice: 'greet'" in said
