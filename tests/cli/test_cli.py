"""The command line does what it says, says what went wrong, and never shows a trace for a user's mistake."""

import os
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import ClassVar

import pytest
import torch
from PIL import Image

import impasto
from impasto import cli
from impasto.cli import inventory
from impasto.pipeline import ProgressBar


class Blend(impasto.Stylizer, name="blend"):
    """Move the picture towards the style's mean colour."""

    amount: float = impasto.param(default=0.5, low=0, high=1, help="share of the style")
    noise: float = impasto.param(default=0.0, low=0, help="standard deviation of grain")

    def stylize(self, content, styles, guides):
        total = sum(style.weight for style in styles)
        colour = sum(style.weight / total * style.image.mean((2, 3), keepdim=True) for style in styles)
        return content.lerp(colour, self.amount) + self.noise * torch.randn_like(content)


class Slow(impasto.Stylizer, name="slow"):
    """Darken step by step, and be interrupted or fail when told to."""

    demo: ClassVar[dict[str, int]] = {"steps": 2}
    style = "optional"
    steps: int = impasto.param(default=500, low=1, help="steps")
    stop: int = impasto.param(default=0, low=0, help="step at which the user presses Ctrl-C; 0: never")

    def stylize(self, content, styles, guides):
        for step in range(1, self.steps + 1):
            if step == self.stop:
                raise KeyboardInterrupt
            self.report(step, self.steps, content * 0.5, {"dark": content.mean()})
        return content * 0.5


class Picky(impasto.Stylizer, name="picky"):
    """Refuse pictures that are wider than high."""

    style = "optional"

    def stylize(self, content, styles, guides):
        if content.shape[-1] > content.shape[-2]:
            raise ValueError("too wide\n  what would work: a narrower picture")
        return 1 - content


class Plugin:
    __name__ = "impasto-test 1.0"

    @impasto.hookimpl
    def impasto_stylizers(self):
        return [Blend, Slow, Picky]


@pytest.fixture(autouse=True)
def installed(monkeypatch, tmp_path):
    """Only the stages above are installed, and each test has a folder of its own to work in."""
    host = impasto.Host(Plugin())
    monkeypatch.setattr("impasto.host.registry._installed", lambda: host)
    monkeypatch.setattr(cli.entry, "PREFERRED", ("adain", "blend"))
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.chdir(tmp_path)
    return host


def make(path, value=(0.2, 0.4, 0.6), size=(12, 8)):
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    picture = torch.tensor(value, dtype=torch.float32).view(1, 3, 1, 1).expand(1, 3, *size)
    impasto.read(picture).save(path)
    return str(path)


@pytest.fixture
def photo():
    return make("photo.png")


@pytest.fixture
def painting():
    return make("painting.png", (1.0, 0.0, 0.0), (5, 9))


def mean(path):
    return [round(value, 2) for value in impasto.read(path).tensor.mean((0, 2, 3)).tolist()]


# --------------------------------------------------------------------------------------------------------- paint


def test_paint_runs_the_stages_asked_for_and_keeps_the_recipe(photo, painting, capsys):
    stages = ["--with", "blend:amount=0.25, picky"]
    assert cli.main(["paint", photo, painting, "-o", "out.png", *stages, "--seed", "3"]) == 0
    assert mean("out.png") == [0.60, 0.70, 0.55]
    recipe = impasto.picture.read_recipe("out.png")
    assert impasto.Pipeline.from_toml(recipe) == impasto.Pipeline(Blend(amount=0.25), Picky())
    assert "seed = 3" in recipe
    assert "out.png: 12×8, blend → picky" in capsys.readouterr().out


def test_paint_without_stages_takes_the_preferred_stylizer(photo, painting):
    assert cli.main(["paint", photo, painting, "-o", "out.png"]) == 0
    assert mean("out.png") == [0.6, 0.2, 0.3]


def test_several_paintings_are_mixed_by_their_weights(photo, painting):
    blue = make("blue:1.png", (0.0, 0.0, 1.0))
    styles = [f"{painting}:3", f"{blue}:1"]
    assert cli.main(["paint", photo, *styles, "-o", "out.png", "--with", "blend:amount=1"]) == 0
    assert mean("out.png") == [0.75, 0.0, 0.25]


def test_a_mask_keeps_the_rest_of_the_photograph(photo):
    mask = torch.zeros(1, 3, 12, 8)
    mask[..., :4] = 1
    impasto.read(mask).save("mask.png")
    assert cli.main(["paint", photo, "-o", "out.png", "--with", "picky", "--mask", "mask.png"]) == 0
    painted, before = impasto.read("out.png").tensor, impasto.read(photo).tensor
    assert torch.equal(painted[..., 4:], before[..., 4:])
    assert (painted[..., :4] - before[..., :4]).abs().min() > 0.15


def test_formats_depth_and_recipes_beside(photo):
    assert cli.main(["paint", photo, "-o", "out.tiff", "--with", "picky", "--bits", "16", "--recipe"]) == 0
    assert impasto.read("out.tiff").meta.bits == 16
    assert impasto.Pipeline.from_toml(impasto.picture.read_recipe("out.tiff")) == impasto.Pipeline(Picky())
    assert cli.main(["paint", photo, "-o", "bare.png", "--with", "picky", "--no-recipe"]) == 0
    assert "impasto" not in Image.open("bare.png").info


def test_an_output_is_replaced_unless_skipped_and_an_input_never(photo, painting, capsys):
    make("out.png", (0, 0, 0))
    assert cli.main(["paint", photo, painting, "-o", "out.png", "--skip-existing"]) == 0
    assert mean("out.png") == [0, 0, 0]
    assert cli.main(["paint", photo, painting, "-o", "out.png"]) == 0
    assert mean("out.png") == [0.6, 0.2, 0.3]
    for given in (photo, painting):
        before = Path(given).read_bytes()
        assert cli.main(["paint", photo, painting, "-o", f"./{given}"]) == 2
        assert "never overwritten" in capsys.readouterr().err
        assert Path(given).read_bytes() == before


MISTAKES = {
    "a misspelt stage": (["photo.png", "--with", "blent"], "did you mean 'blend'?"),
    "a misspelt parameter": (["photo.png", "--with", "blend:amout=1"], "did you mean 'amount'?"),
    "a value out of range": (["photo.png", "--with", "blend:amount=2"], "a number, 0 to 1"),
    "no such photograph": (["phto.png"], "photo.png"),
    "no such painting": (["photo.png", "nowhere/painting.png"], "no folder"),
    "not a picture": (["text.png"], "is not a picture"),
    "a picture over the limit": (["photo.png", "--max-pixels", "10"], "over the limit of 10"),
    "a mask of another size": (["photo.png", "--mask", "painting.png"], "5×9"),
    "a device that is not there": (["photo.png", "--device", "cuda:99"], "device='cpu'"),
    "an unknown format": (["photo.png", "-o", "out.doc"], "out.doc: '.doc' names no format"),
    "16 bits for JPEG": (["photo.png", "-o", "out.jpg", "--bits", "16"], "16 with .png"),
    "no such folder": (["photo.png", "-o", "nowhere/out.png"], "there is no folder nowhere"),
    "a folder": (["photo.png", "-o", "."], "is a folder"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_mistakes_are_explained_before_anything_is_painted(mistake, photo, painting, capsys, monkeypatch):
    monkeypatch.setattr(impasto.Pipeline, "__call__", lambda *_, **__: pytest.fail("it began to paint"))
    Path("text.png").write_text("hello")
    arguments, promised = MISTAKES[mistake]
    assert cli.main(["paint", "-o", "out.png", *arguments]) == 2
    out, err = capsys.readouterr()
    assert err.startswith("impasto: ")
    assert promised in err
    assert "Traceback" not in err
    assert not out
    assert not Path("out.png").exists()


def test_a_failing_stage_is_named_and_its_trace_is_shown_when_asked(capsys, monkeypatch):
    wide = make("wide.png", size=(4, 9))
    command = ["paint", wide, "-o", "out.png", "--with", "picky"]
    assert cli.main(command) == 1
    err = capsys.readouterr().err
    assert "stage 1 of 1, 'picky' (impasto-test 1.0): too wide\n  what would work: a narrower picture" in err
    assert "--traceback" in err
    assert "Traceback" not in err
    assert cli.main([*command, "--traceback"]) == 1
    assert "Traceback" in capsys.readouterr().err
    monkeypatch.setenv("IMPASTO_TRACEBACK", "1")
    assert cli.main(command) == 1
    assert "Traceback" in capsys.readouterr().err


def test_a_fault_of_the_program_is_shown_whole_and_says_where_to_report(photo, monkeypatch, capsys):
    monkeypatch.setattr(cli.entry, "pipeline_line", lambda pipeline: {}["a bug"])
    assert cli.main(["paint", photo, "-o", "out.png", "--with", "picky"]) == 1
    err = capsys.readouterr().err
    assert "KeyError: 'a bug'" in err
    assert "report it" in err


def test_an_interruption_writes_the_picture_so_far(photo, capsys):
    assert cli.main(["paint", photo, "-o", "out.png", "--with", "slow:stop=3"]) == 130
    assert mean("out.png") == [0.1, 0.2, 0.3]
    assert "slow at step 2 of 500; out.png is the picture so far" in capsys.readouterr().err
    assert cli.main(["paint", photo, "-o", "never.png", "--with", "slow:stop=1"]) == 130
    assert "nothing was written" in capsys.readouterr().err
    assert not Path("never.png").exists()


# ----------------------------------------------------------------------------------------------------------- run


@pytest.fixture
def folder():
    for index in range(3):
        make(f"photos/{index}.png", (0.1 * index,) * 3)
    Path("photos/notes.txt").write_text("not a picture")
    impasto.Pipeline(Blend(amount=0.5), Picky()).save("pipeline.toml")
    return "photos"


def test_run_paints_a_folder_with_one_pipeline(folder, painting, capsys):
    assert cli.main(["run", "pipeline.toml", "--content", folder, "--style", painting, "--out", "painted"]) == 0
    assert sorted(os.listdir("painted")) == ["0.png", "1.png", "2.png"]
    assert mean("painted/2.png") == [0.4, 0.9, 0.9]
    assert "3 painted" in capsys.readouterr().out


def test_run_reports_a_failure_and_goes_on(folder, painting, capsys):
    make("photos/1.png", size=(4, 9))
    Path("photos/0.png").write_bytes(b"broken")
    assert cli.main(["run", "pipeline.toml", "--content", folder, "--style", painting, "--out", "painted"]) == 1
    out, err = capsys.readouterr()
    assert os.listdir("painted") == ["2.png"]
    assert "photos/0.png" in err
    assert "photos/1.png: stage 2 of 2, 'picky'" in err
    assert "Traceback" not in err
    assert "1 painted, 2 failed" in out


def test_run_skips_what_is_there_and_takes_patterns(folder, painting, capsys):
    make("painted/1.png", (0, 0, 0))
    command = ["run", "pipeline.toml", "--content", "photos/[12].png", "--style", painting, "--out", "painted"]
    assert cli.main([*command, "--skip-existing"]) == 0
    assert "1 painted, 1 skipped" in capsys.readouterr().out
    assert mean("painted/1.png") == [0, 0, 0]
    assert sorted(os.listdir("painted")) == ["1.png", "2.png"]


def test_a_finished_picture_is_a_pipeline_with_its_seed(photo, painting):
    grainy = ["--with", "blend:noise=0.1", "--seed", "5", "--precision", "float32"]
    assert cli.main(["paint", photo, painting, "-o", "first.png", *grainy]) == 0
    again = ["run", "first.png", "--content", photo, "--style", painting]
    assert cli.main([*again, "--out", "second.png"]) == 0
    assert cli.main([*again, "--out", "third.png", "--seed", "6"]) == 0
    first, second, third = (impasto.read(f"{name}.png").tensor for name in ("first", "second", "third"))
    assert torch.equal(first, second)
    assert not torch.equal(first, third)


def test_an_interrupted_run_leaves_no_half_picture_under_a_finished_name(folder, capsys):
    impasto.Pipeline(Slow(stop=2)).save("pipeline.toml")
    assert cli.main(["run", "pipeline.toml", "--content", folder, "--out", "painted"]) == 130
    assert os.listdir("painted") == ["0.interrupted.png"]
    out, err = capsys.readouterr()
    assert "interrupted.png is the picture so far" in err
    assert "3 not done" in out


RUN_MISTAKES = {
    "an empty folder": (["--content", "empty"], "there are no pictures in empty"),
    "two pictures of one name": (["--content", "photos", "more"], "both be painted to"),
    "several pictures in one file": (["--content", "photos", "--out", "out.png"], "--out out"),
    "over the photographs": (["--content", "photos", "--out", "photos"], "never overwritten"),
    "a picture without a recipe": (["painting.png", "--content", "photos"], "carries no recipe"),
    "no such pipeline": (["pipline.toml", "--content", "photos"], "pipeline.toml"),
    "not TOML": (["broken.toml", "--content", "photos"], "not valid TOML"),
}


@pytest.mark.parametrize("mistake", RUN_MISTAKES)
def test_mistakes_in_a_run_are_explained(mistake, folder, painting, capsys):
    os.mkdir("empty")
    make("more/1.png")
    Path("broken.toml").write_text("stages = [")
    arguments, promised = RUN_MISTAKES[mistake]
    pipeline = [] if arguments[0] != "--content" else ["pipeline.toml"]
    assert cli.main(["run", "--out", "painted", *pipeline, *arguments]) == 2
    err = capsys.readouterr().err
    assert err.startswith("impasto: ")
    assert promised in err
    assert not Path("painted").exists()


# ---------------------------------------------------------------------------------------------------------- demo


def test_the_demo_shows_every_stylizer_and_the_error_of_one_that_fails(capsys):
    assert cli.main(["demo", "-o", "sheet.png", "--size", "64"]) == 1
    err = capsys.readouterr().err
    assert "picky: " in err
    assert "too wide" in err
    sheet = Image.open("sheet.png")
    colours = {colour for _, colour in sheet.getcolors(maxcolors=1 << 24)}
    assert (0x3A, 0x21, 0x1D) in colours  # the ground of a tile that failed
    assert sheet.width > 3 * 320


# -------------------------------------------------------------------------------------------------------- others


def test_plugins_are_listed_with_what_is_broken(installed, capsys):
    installed.broken["impasto-sad 0.1"] = "ModuleNotFoundError: No module named 'sad'"
    assert cli.main(["plugins"]) == 0
    out = capsys.readouterr().out
    assert "impasto-test 1.0\n  stylizer       blend, picky, slow" in out
    assert "did not load\n  impasto-sad 0.1: ModuleNotFoundError: No module named 'sad'" in out


def test_a_stage_is_shown_with_ranges_defaults_and_help(capsys):
    assert cli.main(["plugins", "blend"]) == 0
    out = capsys.readouterr().out
    assert "Move the picture towards the style's mean colour." in out
    rows = [[cell.strip() for cell in line.split("  ") if cell] for line in out.splitlines()]
    assert ["amount", "0.5", "a number, 0 to 1", "share of the style"] in rows
    assert inventory.stage_table(Picky).endswith("it has no parameters")
    assert cli.main(["plugins", "blent"]) == 2
    assert "did you mean 'blend'?" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["paint", "run"])
def test_help_ends_in_every_stage_with_its_parameters(command, capsys):
    with pytest.raises(SystemExit) as ended:
        cli.main([command, "--help"])
    assert ended.value.code == 0
    out = capsys.readouterr().out
    assert "--skip-existing" in out
    assert "amount=0.5 (a number, 0 to 1); noise=0 (a number, 0 or more)" in out


def test_weights_are_listed_without_the_network(capsys, monkeypatch, tmp_path):
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    monkeypatch.setattr("urllib.request.urlopen", lambda *_, **__: pytest.fail("it went to the network"))
    assert cli.main(["weights"]) == 0
    out = capsys.readouterr().out
    assert "vgg19-dcbb9e9d.pth: 574.7 MB, BSD-3-Clause" in out
    assert "downloaded when first used, from https://download.pytorch.org" in out


def test_weights_that_a_stage_needs_with_other_parameters_are_listed_too(installed, monkeypatch):
    record = impasto.Weights("large.pth", "0" * 64, 1, "MIT", "a test", "nothing")
    stage = next(iter(installed.stages.values()))
    monkeypatch.setattr(stage, "known_weights", (record,))
    assert inventory.records()[record] == [stage.name]


def test_the_report_has_versions_and_hides_the_home_folder(installed, capsys, monkeypatch, tmp_path):
    monkeypatch.setattr(Path, "home", lambda: tmp_path)
    installed.broken["impasto-sad 0.1"] = f"OSError: {tmp_path}/secret"
    assert cli.main(["report"]) == 0
    out = capsys.readouterr().out
    assert f"torch {torch.__version__.partition('+')[0]}" in out
    assert "impasto-test 1.0" in out
    assert "OSError: ~/secret" in out
    assert str(tmp_path) not in out


class Line(impasto.training.Task):
    """Fit a line through points on y = 2 x."""

    def __init__(self, rate):
        self.networks = {"line": torch.nn.Linear(1, 1)}
        self.optimisers = {"line": torch.optim.SGD(self.networks["line"].parameters(), rate)}

    def batch(self, rng):
        return torch.rand(8, 1, generator=rng)

    def losses(self, networks, batch, rng):
        yield "line", {"square": (networks["line"](batch) - 2 * batch).square().mean()}

    def export(self, networks, folder):
        torch.save(networks["line"].state_dict(), folder / "line.pth")
        return [folder / "line.pth"]


class FitLine(impasto.training.Trainer, name="fit-line"):
    """Fit a line."""

    rate: float = impasto.param(default=0.1, low=0, help="learning rate, 100 % of it")
    data: str = impasto.param(help="where the points are")
    many: tuple[int, ...] = impasto.param(default=(1, 2), help="numbers")
    fast: bool = impasto.param(default=False, help="hurry")

    def task(self, device):
        assert (self.data, self.many, self.fast) == ("2024", (3, 4), True)
        return Line(self.rate)


def test_train_takes_the_options_that_its_recipe_declares(installed, capsys, monkeypatch):
    pytest.importorskip("accelerate")
    installed.register(
        type("Trainers", (), {"impasto_trainers": impasto.hookimpl(lambda self: [FitLine])})(), "impasto-line 1.0"
    )
    options = ["--data", "2024", "--many", "3", "4", "--fast", "--out", "line"]
    assert cli.main(["train", "fit-line", *options, "--steps", "4"]) == 0
    assert "line.pth" in capsys.readouterr().out
    assert Path("line/line.pth").exists()
    assert cli.main(["train", "fit-line", *options, "--rate", "-1"]) == 2
    assert "fit-line: rate = -1.0 does not fit" in capsys.readouterr().err
    with pytest.raises(SystemExit) as ended:
        cli.main(["train", "fit-line", "--help"])
    assert ended.value.code == 0
    assert "--many" in capsys.readouterr().out
    assert cli.main(["train", "fit-lime"]) == 2
    assert "did you mean 'fit-line'?" in capsys.readouterr().err


def test_the_progress_bar_follows_the_steps_and_goes_when_the_stage_ends(capsys):
    seen = []

    class Look:
        @impasto.hookimpl
        def impasto_step(self, step):
            seen.append((bar._bar.n, bar._bar.total) if bar._bar else None)

    bar = ProgressBar()
    impasto.Pipeline(Slow(steps=20))(torch.full((1, 3, 8, 8), 0.5), plugins=[Look(), bar])
    assert bar._bar is None
    assert seen[-1] == (20, 20)
    err = capsys.readouterr().err
    assert "slow" in err
    assert "loss 0.5" in err
    impasto.Pipeline(Slow(steps=20))(torch.full((1, 3, 8, 8), 0.5), plugins=[ProgressBar(shown=False)])
    assert capsys.readouterr().err == ""


# ---------------------------------------------------------------------------------------------------- completion


def complete(words):
    """What bash proposes for the last of these words."""
    script = cli_output(["completion", "bash"])
    line = " ".join(f"'{word}'" for word in words)
    call = f"COMP_WORDS=({line}); COMP_CWORD={len(words) - 1}; _impasto"
    driver = f'{script}\n{call}; echo "${{COMPREPLY[@]}}"'
    return subprocess.run(["bash", "-c", driver], capture_output=True, text=True, check=True).stdout.split()


def cli_output(arguments):
    import contextlib
    import io

    with contextlib.redirect_stdout(io.StringIO()) as out:
        assert cli.main(arguments) == 0
    return out.getvalue()


@pytest.mark.skipif(os.name == "nt", reason="bash")
def test_bash_completes_commands_options_stages_and_leaves_files_to_the_shell():
    assert complete(["impasto", "pa"]) == ["paint"]
    assert complete(["impasto", "paint", "--pre"]) == ["--precision"]
    assert complete(["impasto", "paint", "--precision", "b"]) == ["bfloat16"]
    assert complete(["impasto", "paint", "x.jpg", "--with", "b"]) == ["blend"]
    assert complete(["impasto", "paint", "x.jpg", "--with", "blend,p"]) == ["blend,picky"]
    assert complete(["impasto", "plugins", "s"]) == ["slow"]
    assert complete(["impasto", "train", "slim"]) == ["slim19"]
    assert complete(["impasto", "paint", "pho"]) == []


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_the_other_shells_get_commands_and_stages(shell):
    text = cli_output(["completion", shell])
    assert all(word in text for word in ("impasto", "paint", "completion", "precision", "blend", "slim19"))


# --------------------------------------------------------------------------------------------------- as a program


def start(*arguments, **settings):
    environment = {**os.environ, "IMPASTO_PLUGINS": "", "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "impasto", *arguments]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    return subprocess.Popen(command, env=environment, **pipes, **settings)


def test_the_program_gives_exit_codes_and_no_traces():
    program = start("paint", "nowhere.png", "-o", "out.png", "--with", "")
    out, err = program.communicate(timeout=60)
    assert program.returncode == 2
    assert err.startswith("impasto: no file 'nowhere.png'")
    assert not out


def test_the_command_line_itself_needs_no_torch():
    """Help and completion of options should come at once."""
    code = """
        import sys, types
        bare = types.ModuleType("impasto")
        bare.__path__ = [sys.argv[1]]
        sys.modules["impasto"] = bare
        from impasto import cli
        assert cli.main([]) == 2
        assert "torch" not in sys.modules
    """
    package = Path(impasto.__file__).parent
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code), str(package)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "paint" in done.stdout
