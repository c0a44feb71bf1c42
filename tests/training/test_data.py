"""Pictures that a training sees, and crops of them."""

from __future__ import annotations

from pathlib import Path

import numpy
import pytest
import torch
from PIL import Image

from impasto.errors import ParameterError
from impasto.picture import read
from impasto.picture.stated_color import made_profile
from impasto.training import Crops, generator, held_out, pictures, style_names


def test_one_group_in_ten_is_held_out_and_tiles_stay_together():
    held = [held_out(Path(f"photo{index}.jpg")) for index in range(2000)]
    assert 0.08 < sum(held) / len(held) < 0.12
    for index in range(200):
        assert len({held_out(Path(f"photo{index}{tile}.jpg")) for tile in ("", "_t01", "_t12")}) == 1


def test_what_only_looks_like_the_name_of_a_tile_is_a_picture_of_its_own():
    held = [held_out(Path(f"my_t{name}.jpg")) for name in ("ree", "ower1", "ram", *map(chr, range(97, 123)))]
    assert 0 < sum(held) < len(held)


def test_all_formats_that_are_read_are_trained_on(tmp_path, monkeypatch):
    names = ["a.tiff", "b.bmp", "c.AVIF", "d.heic", "e.jpg"]
    for name in [*names, "notes.txt"]:
        (tmp_path / name).touch()
    assert [file.name for file in pictures(tmp_path, held_back=False)] == names
    monkeypatch.setattr("impasto.training.data.picture_suffixes", lambda: (".exr", ".jpg"))  # of a plugin
    (tmp_path / "f.exr").touch()
    assert [file.name for file in pictures(tmp_path, held_back=False)] == ["e.jpg", "f.exr"]


def test_a_folder_may_lie_in_the_home_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos/a.jpg").touch()
    assert pictures("~/photos", held_back=False) == [tmp_path / "photos/a.jpg"]


def test_two_styles_of_one_name_are_refused(tmp_path):
    with pytest.raises(ParameterError, match=r"wave\.jpg and wave\.png would both be the style 'wave'"):
        style_names([Path("mosaic.jpg"), Path("wave.jpg"), Path("wave.png")])
    with pytest.raises(ParameterError, match=r"a b\.jpg and a-b\.jpg would both be the style 'a-b'"):
        style_names([Path("a b.jpg"), Path("a-b.jpg")], lambda file: file.stem.replace(" ", "-"))


def test_enlarged_crops_show_less_of_the_scene(tmp_path):
    across = numpy.broadcast_to(numpy.arange(256, dtype=numpy.uint8)[None, :, None], (256, 256, 3))
    Image.fromarray(across.copy()).save(tmp_path / "ramp.png")
    plain, enlarged = (
        Crops([tmp_path / "ramp.png"], 32, enlarged=share).draw(20, generator(0)) for share in (0.0, 1.0)
    )
    shown = [(crops.amax((1, 2, 3)) - crops.amin((1, 2, 3))) * 255 for crops in (plain, enlarged)]
    assert shown[0].min() > 24
    assert shown[1].max() < 24


@pytest.mark.parametrize(("width", "height"), [(53, 80), (60, 90), (90, 60), (120, 60), (37, 41), (1, 7)])
def test_pictures_smaller_than_a_crop_are_enlarged_in_every_draw(tmp_path, width, height):
    down = numpy.linspace(0, 255, height).astype(numpy.uint8)
    Image.fromarray(numpy.broadcast_to(down[:, None, None], (height, width, 3)).copy()).save(tmp_path / "small.png")
    for aspect in (1.0, 1.5):
        crops = Crops([tmp_path / "small.png"], 80, aspect=aspect).draw(400, generator(0))
        assert crops.shape == (400, 3, 80, 80)
        assert crops.isfinite().all()


def test_recoloured_crops_have_red_green_and_blue_in_any_order(tmp_path):
    orange = (240, 120, 16)
    Image.new("RGB", (64, 64), orange).save(tmp_path / "orange.png")
    crops = Crops([tmp_path / "orange.png"], 32, recoloured=1.0).draw(20, generator(0))
    colours = {tuple(round(255 * level) for level in crop[:, 16, 16].tolist()) for crop in crops}
    assert all(sorted(colour) == sorted(orange) for colour in colours)
    assert len(colours) == 6
    plain = Crops([tmp_path / "orange.png"], 32).draw(20, generator(0))
    assert {tuple(round(255 * level) for level in crop[:, 16, 16].tolist()) for crop in plain} == {orange}


def test_crops_are_made_of_the_generator_alone(tmp_path):
    noise = torch.randint(256, (60, 80, 3), dtype=torch.uint8, generator=generator(1))
    Image.fromarray(noise.numpy()).save(tmp_path / "noise.png")
    crops = Crops([tmp_path / "noise.png"], 32, aspect=1.5)
    assert torch.equal(crops.draw(3, generator(7)), crops.draw(3, generator(7)))
    assert not torch.equal(crops.draw(3, generator(7)), crops.draw(3, generator(8)))


def test_pictures_are_seen_as_they_are_when_they_are_painted(tmp_path):
    noise = torch.randint(256, (60, 80, 3), dtype=torch.uint8, generator=generator(1)).numpy()
    turned = Image.Exif()
    turned[0x0112] = 6
    plain = Image.fromarray(noise)
    plain.save(tmp_path / "plain.png")
    plain.save(tmp_path / "turned.png", exif=turned)
    plain.convert("CMYK").save(tmp_path / "inks.jpg")
    plain.save(tmp_path / "photo.jpg")
    Image.fromarray(noise[..., 0].astype(numpy.uint16) * 257).save(tmp_path / "deep.png")
    plain.save(
        tmp_path / "wide.png",
        icc_profile=made_profile((0.680, 0.320, 0.265, 0.690, 0.150, 0.060), (0.3127, 0.3290), None),
    )
    files = sorted(tmp_path.iterdir())
    held = dict(zip((file.name for file in files), map(numpy.asarray, Crops(files, 32).pictures), strict=True))
    assert numpy.array_equal(held["plain.png"], noise)
    assert numpy.array_equal(held["photo.jpg"], numpy.asarray(Image.open(tmp_path / "photo.jpg")))
    assert numpy.array_equal(held["turned.png"], numpy.rot90(noise, -1))
    assert numpy.array_equal(held["deep.png"], numpy.repeat(noise[..., :1], 3, -1))
    assert not numpy.array_equal(held["wide.png"], noise)
    for file in files:
        assert numpy.array_equal(held[file.name], numpy.asarray(read(file).pil())), file.name


def test_a_folder_gives_its_pictures_sorted_and_one_in_ten_only_where_asked(tmp_path):
    names = [f"photo{index:02}.jpg" for index in range(40)]
    for name in [*names, "notes.txt"]:
        (tmp_path / name).touch()
    assert [file.name for file in pictures(tmp_path, held_back=False)] == names
    assert [file.name for file in pictures(tmp_path)] == [name for name in names if not held_out(Path(name))]


def test_a_folder_without_pictures_says_what_would_work(tmp_path):
    with pytest.raises(
        ParameterError,
        match=r"(?s)has no pictures.*names end in \.jpg, \.jpeg",
    ):
        pictures(tmp_path)
    held = next(name for name in (f"{index}.jpg" for index in range(99)) if held_out(Path(name)))
    (tmp_path / held).touch()
    with pytest.raises(ParameterError, match="it has 1, each held out"):
        pictures(tmp_path)
