"""Recipes go along with painted pictures."""

import struct
import zlib

import pytest
from PIL import Image, PngImagePlugin

from impasto.errors import PictureError
from impasto.picture import Metadata, read, read_recipe

from .example_files import RGB, encoded

RECIPE = 'stages = ["adain"]  # Zürich\n'


@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize("recipe", [None, True])
def test_a_png_carries_its_recipe(tmp_path, bits, recipe):
    path = read(RGB).replace(meta=Metadata(recipe=RECIPE)).save(tmp_path / "a.png", bits=bits, recipe=recipe)
    assert read_recipe(path) == RECIPE
    assert read(path).meta.recipe == RECIPE
    assert Image.open(path).text["impasto"] == RECIPE
    assert [p.name for p in tmp_path.iterdir()] == ["a.png"]


def test_other_formats_have_it_beside_them_when_asked(tmp_path):
    painted = read(RGB).replace(meta=Metadata(recipe=RECIPE))
    path = painted.save(tmp_path / "a.jpg")
    with pytest.raises(PictureError, match=r"no recipe.*a\.jpg\.toml"):
        read_recipe(path)
    painted.save(path, recipe=True)
    assert read_recipe(path) == read_recipe(tmp_path / "a.jpg.toml") == RECIPE
    with pytest.raises(PictureError, match="no recipe"):
        read_recipe(painted.save(tmp_path / "b.png", recipe=False))
    with pytest.raises(PictureError, match="made from"):
        painted.save(path, recipe=True, keep=[tmp_path / "a.jpg.toml"])


def test_a_recipe_behind_the_pixels_is_found_and_a_bomb_refused(tmp_path):
    plain = encoded(Image.fromarray(RGB), "PNG")
    body = b"impasto\0\0\0\0\0" + RECIPE.encode()
    chunk = struct.pack(">I", len(body)) + b"iTXt" + body + struct.pack(">I", zlib.crc32(b"iTXt" + body))
    late = tmp_path / "late.png"
    late.write_bytes(plain[:-12] + chunk + plain[-12:])
    assert read_recipe(late) == RECIPE
    for name, compress in (("zipped", True), ("plain", False)):
        info = PngImagePlugin.PngInfo()
        info.add_itxt("impasto", "a" * 5_000_000, zip=compress)
        bomb = tmp_path / f"{name}.png"
        bomb.write_bytes(encoded(Image.fromarray(RGB), "PNG", pnginfo=info))
        with pytest.raises(PictureError):
            read_recipe(bomb)
