"""`impasto doctor` says what a file is to Impasto, without painting."""

import io

import numpy as np
import pytest
import torch
from PIL import Image, PngImagePlugin
from safetensors.torch import save_file

import impasto
from impasto import cli
from impasto.cli.doctor import file_size

pytestmark = pytest.mark.usefixtures("installed")


def said(capsys, *arguments):
    """Return exit code and output of a command, spaces in a row as one."""
    code = cli.main(["doctor", *map(str, arguments)])
    captured = capsys.readouterr()
    return code, " ".join(captured.out.split()), captured.err


def picture_with(recipe, path):
    """Write a small picture that carries a recipe."""
    info = PngImagePlugin.PngInfo()
    info.add_itxt("impasto", recipe)
    Image.new("RGB", (8, 6)).save(path, pnginfo=info)
    return path


def test_a_picture_is_described_as_it_is_read(capsys, tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (30, 20), (255, 0, 0)).save(tmp_path / "photo.jpg", exif=exif, dpi=(300, 300))
    code, out, _ = said(capsys, tmp_path / "photo.jpg")
    assert code == 0
    assert "photo.jpg: picture" in out
    assert "JPEG, 30 × 20, mode RGB" in out
    assert "EXIF orientation 6" in out
    assert "300 pixels per inch" in out
    assert "read as 20 × 30 pixels" in out
    assert "alpha none" in out


def test_transparency_is_given_as_shares(capsys, tmp_path):
    pixels = np.full((10, 10, 4), 255, np.uint8)
    pixels[:3, :, 3] = 0
    pixels[3, :, 3] = 128
    Image.fromarray(pixels).save(tmp_path / "cut.png")
    out = said(capsys, tmp_path / "cut.png")[1]
    assert "60.0% opaque, 30.0% transparent, 10.0% between" in out


def test_a_mask_says_what_it_selects(capsys, tmp_path):
    mask = np.zeros((10, 10), np.uint8)
    mask[:4] = 255
    Image.fromarray(mask).save(tmp_path / "mask.png")
    assert "as a mask 40.0% painted, 60.0% left as it is" in said(capsys, tmp_path / "mask.png")[1]


def test_a_mask_of_0_and_1_says_what_to_type(capsys, tmp_path):
    Image.fromarray(np.eye(8, dtype=np.uint8)).save(tmp_path / "mask.png")
    code, out, _ = said(capsys, tmp_path / "mask.png")
    assert code == 0, "it is a picture, if no mask"
    assert "0, 1 of 255" in out
    assert "what to type" in out


def test_a_recipe_says_its_stages_and_what_it_asks_for(capsys, tmp_path):
    plain = picture_with('[[stages]]\nstage = "blend"\namount = 0.25\n[made]\nseed = 5\n', tmp_path / "a.png")
    code, out, _ = said(capsys, plain)
    assert code == 0
    assert "recipe blend:amount=0.25" in out
    assert "seed 5" in out
    assert "asks for no file and no download" in out


def test_a_recipe_that_asks_for_a_file_names_it_and_opens_nothing(capsys, tmp_path, monkeypatch):
    class Peek(impasto.Stylizer, name="peek"):
        """Read a file."""

        path: str = impasto.param(default="", reads=True, help="file")

        def stylize(self, content, styles, guides):
            return content

    class Plugin:
        @impasto.hookimpl
        def impasto_stylizers(self):
            return [Peek]

    monkeypatch.setattr("impasto.host.registry._installed", lambda: impasto.Host(Plugin()))
    hostile = picture_with('[[stages]]\nstage = "peek"\npath = "/elsewhere/private.png"\n', tmp_path / "a.png")
    out = said(capsys, hostile)[1]
    assert "asks peek to read '/elsewhere/private.png' (path)" in out


def test_a_recipe_of_unknown_stages_is_a_fault_of_the_file(capsys, tmp_path):
    (tmp_path / "pipe.toml").write_text('[[stages]]\nstage = "blond"\n')
    code, out, _ = said(capsys, tmp_path / "pipe.toml")
    assert code == 1
    assert "no installed plugin offers a stage called 'blond'" in out


def test_damaged_and_missing_files_are_said_and_the_others_go_on(capsys, tmp_path):
    out = io.BytesIO()
    Image.effect_noise((64, 64), 90).save(out, "PNG")
    (tmp_path / "cut.png").write_bytes(out.getvalue()[:900])
    Image.new("L", (4, 4)).save(tmp_path / "fine.png")
    code, out, err = said(capsys, tmp_path / "none.png", tmp_path / "cut.png", tmp_path / "fine.png")
    assert code == 2, "a missing file is a slip of whoever types"
    assert "none.png: there is no such file" in err
    assert "error" in out
    assert "could not be decoded" in out
    assert "read as 4 × 4 pixels" in out


def test_weights_are_known_by_their_digest_and_their_values_looked_at(capsys, tmp_path):
    shipped = impasto.networks.SLIM19
    code, out, _ = said(capsys, impasto.weights.find(shipped))
    assert code == 0
    assert f"known as {shipped.name}, used by encoders" in out
    assert "VGG-19's plan to conv5_1, 16, 32, 64, 128, 128 channels by block" in out

    save_file({"a": torch.zeros(2, 2), "b": torch.tensor([1.0, float("nan")])}, tmp_path / "own.safetensors")
    code, out, _ = said(capsys, tmp_path / "own.safetensors")
    assert code == 1
    assert "known as" not in out
    assert "b has values that are not finite numbers" in out
    save_file({"a": torch.full((2, 2), 1e9)}, tmp_path / "own.safetensors")
    assert "values a has" in said(capsys, tmp_path / "own.safetensors")[1]


def test_no_letter_of_a_file_reaches_the_terminal_that_it_obeys(capsys, tmp_path):
    recipe = '[[stages]]\nstage = "blend"\n"\\u001b]0;owned\\u0007" = 1\n'
    said(capsys, picture_with(recipe, tmp_path / "a.png"))
    cli.main(["doctor", str(tmp_path / "a.png")])
    assert "\x1b" not in capsys.readouterr().out


def test_advice_is_in_the_words_of_the_command_line(capsys, tmp_path):
    frames = [Image.new("RGB", (8, 8), colour) for colour in ("red", "blue")]
    frames[0].save(tmp_path / "two.gif", save_all=True, append_images=frames[1:])
    out = said(capsys, tmp_path / "two.gif")[1]
    assert "2 frames" in out
    assert "given as content, all are painted" in out


def test_a_video_says_size_and_rate(capsys, tmp_path):
    pytest.importorskip("av")
    frame = impasto.read(impasto.samples.content("astronaut", 32))
    impasto.stream.write([frame] * 5, tmp_path / "clip.mp4")
    code, out, _ = said(capsys, tmp_path / "clip.mp4")
    assert code == 0
    assert "32 × 32 pixels, 25 a second" in out
    assert "sound none" in out


@pytest.mark.parametrize(("size", "text"), [(12, "12 bytes"), (2_330_000, "2.3 MB"), (574_673_361, "574.7 MB")])
def test_sizes_are_in_the_units_of_file_managers(size, text):
    assert file_size(size) == text
