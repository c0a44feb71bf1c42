"""`impasto plugins` and the help of `paint` and `run` list what is installed."""

import pytest

import impasto
from impasto import cli
from impasto.cli import listing
from impasto.host import directory

pytestmark = pytest.mark.usefixtures("installed")


def test_plugins_are_listed_with_what_is_broken(installed, capsys):
    installed.broken["impasto-sad 0.1"] = "ModuleNotFoundError: No module named 'sad'"
    assert cli.main(["plugins"]) == 0
    out = capsys.readouterr().out
    assert "impasto-test 1.0\n  stylizer       blend, picky, slow" in out
    assert "did not load\n  impasto-sad 0.1: ModuleNotFoundError: No module named 'sad'" in out


def test_a_stage_is_shown_with_ranges_defaults_and_help(capsys, stages):
    assert cli.main(["plugins", "blend"]) == 0
    out = capsys.readouterr().out
    assert "Move the picture towards the style's mean colour." in out
    rows = [[cell.strip() for cell in line.split("  ") if cell] for line in out.splitlines()]
    assert ["amount", "0.5", "a number, 0 to 1", "share of the style"] in rows
    assert "\npresets: --with blend:preset=grainy\n" in out
    assert ["strong", "hardly any of the picture"] in rows
    assert ["amount=0.9, noise=0"] in rows
    assert listing.offer_text("stage", "picky", stages.Picky).endswith("--with picky:strength=1")
    assert cli.main(["plugins", "blent"]) == 2
    assert "did you mean 'blend'?" in capsys.readouterr().err


class Kinds:
    """A plugin with something of every kind that is no stage."""

    __name__ = "impasto-kinds 1.0"

    class Pulse(impasto.Watcher, name="pulse"):
        """Print every few steps."""

        every: int = impasto.param(default=10, low=1, help="steps between two lines")

        @impasto.hookimpl
        def impasto_step(self, step):
            pass

    offered = staticmethod(lambda *arguments: None)

    @impasto.hookimpl
    def impasto_watchers(self):
        return [self.Pulse]

    @impasto.hookimpl
    def impasto_decoders(self):
        return {"back": self.offered}

    @impasto.hookimpl
    def impasto_statistics(self):
        return {"mean-of-a-certain-kind": self.offered}

    @impasto.hookimpl
    def impasto_samples(self):
        return {"dusk": self.offered, "cat": self.offered}

    @impasto.hookimpl
    def impasto_readers(self):
        return {".exr": self.offered, ".png": self.offered}

    @impasto.hookimpl
    def impasto_commands(self):
        return {"greet": self.offered, "run": self.offered}


def test_every_kind_is_listed_by_distribution_and_what_is_not_used_is_said(installed, capsys):
    installed.register(Kinds())
    assert cli.main(["plugins"]) == 0
    out = capsys.readouterr().out
    listed = out[out.index("impasto-kinds 1.0\n") : out.index("\n\n")].splitlines()
    rows = [("command", "greet, run"), ("decoder", "back"), ("reader", ".exr, .png"), ("sample", "cat, dusk")]
    rows += [("statistic", "mean-of-a-certain-kind"), ("watcher", "pulse")]
    assert listed == [
        "impasto-kinds 1.0",
        *(f"  {kind:<15}{names}" for kind, names in rows),
        "not used, since Impasto has its own",
        *(f"  {name}: by impasto-kinds 1.0" for name in ("command run", "reader .png", "sample cat")),
    ]


def test_a_watcher_is_shown_as_a_stage_is(installed, capsys):
    installed.register(Kinds())
    assert cli.main(["plugins", "pulse"]) == 0
    out = capsys.readouterr().out
    assert "  watcher of impasto-kinds 1.0" in out
    assert "for a run: --watch pulse:every=10" in out


def test_what_goes_by_a_name_is_shown_whatever_it_is(installed, capsys):
    installed.register(Kinds())
    assert cli.main(["plugins", "back"]) == 0
    assert capsys.readouterr().out == "back\n  decoder of impasto-kinds 1.0\n"
    assert cli.main(["plugins", "slim19"]) == 0
    encoder, trainer = capsys.readouterr().out.split("\n\n", 1)
    assert "  encoder of impasto" in encoder
    assert "  trainer of impasto" in trainer
    assert "to train: impasto train slim19 --help" in trainer


def test_the_kit_runs_on_an_encoder_and_says_what_it_has_no_checks_for(installed, capsys):
    assert cli.main(["plugins", "slim19", "--check"]) == 0
    assert "ok" in capsys.readouterr().out
    installed.register(Kinds())
    assert cli.main(["plugins", "pulse", "--check"]) == 2
    assert "pulse offers no stage, encoder, statistic or metric" in capsys.readouterr().err


def test_a_stage_of_a_published_plugin_that_is_not_installed_says_what_to_install(capsys):
    assert cli.main(["plugins", "adain"]) == 2
    assert "  what to type: pip install impasto-adain, which offers it" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["paint", "run"])
def test_help_is_short_and_says_where_the_stages_are(command, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    with pytest.raises(SystemExit) as ended:
        cli.main([command, "--help"])
    assert ended.value.code == 0
    lines = capsys.readouterr().out.splitlines()
    assert any("--skip-existing" in line for line in lines)
    assert any("impasto plugins NAME" in line for line in lines)
    assert len(lines) <= 40


def test_published_plugins_are_listed_from_a_file_that_ships(capsys):
    assert cli.main(["plugins", "--available"]) == 0
    out = capsys.readouterr().out
    assert "impasto-adain\n  AdaIN for Impasto: arbitrary style transfer in one pass" in out
    assert "\n  dream, gatys, gatys-video, reconstruct, texture\n" in out
    assert "what to type: pip install NAME" in out


def test_a_published_plugin_that_is_installed_is_said_to_be(capsys, monkeypatch):
    entry = directory.Entry("impasto-test", "What a test needs.", ["blend", "slow"], "https://example.org/impasto-test")
    monkeypatch.setattr(listing, "directory", lambda: [entry])
    assert cli.main(["plugins", "--available"]) == 0
    shown = "impasto-test (installed)\n  What a test needs.\n  blend, slow\n  https://example.org/impasto-test\n"
    assert capsys.readouterr().out.startswith(shown)
