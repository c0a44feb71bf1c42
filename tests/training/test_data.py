"""Pictures that a training sees, and crops of them."""

from __future__ import annotations

from pathlib import Path

import numpy
import pytest
import torch
from PIL import Image

from impasto.errors import ParameterError
from impasto.training import Crops, generator, held_out, pictures


def test_one_group_in_ten_is_held_out_and_tiles_stay_together():
    held = [held_out(Path(f"photo{index}.jpg")) for index in range(2000)]
    assert 0.08 < sum(held) / len(held) < 0.12
    for index in range(200):
        assert len({held_out(Path(f"photo{index}{tile}.jpg")) for tile in ("", "_t01", "_t12")}) == 1


def test_enlarged_crops_show_less_of_the_scene(tmp_path):
    across = numpy.broadcast_to(numpy.arange(256, dtype=numpy.uint8)[None, :, None], (256, 256, 3))
    Image.fromarray(across.copy()).save(tmp_path / "ramp.png")
    plain, enlarged = (
        Crops([tmp_path / "ramp.png"], 32, enlarged=share).draw(20, generator(0)) for share in (0.0, 1.0)
    )
    shown = [(crops.amax((1, 2, 3)) - crops.amin((1, 2, 3))) * 255 for crops in (plain, enlarged)]
    assert shown[0].min() > 24
    assert shown[1].max() < 24


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


def test_a_folder_gives_its_pictures_sorted_and_one_in_ten_only_where_asked(tmp_path):
    names = [f"photo{index:02}.jpg" for index in range(40)]
    for name in [*names, "notes.txt"]:
        (tmp_path / name).touch()
    assert [file.name for file in pictures(tmp_path, held_back=False)] == names
    assert [file.name for file in pictures(tmp_path)] == [name for name in names if not held_out(Path(name))]


def test_a_folder_without_pictures_says_what_would_work(tmp_path):
    with pytest.raises(ParameterError, match=r"(?s)has no pictures.*what would work: a folder with \.jpeg, \.jpg"):
        pictures(tmp_path)
    held = next(name for name in (f"{index}.jpg" for index in range(99)) if held_out(Path(name)))
    (tmp_path / held).touch()
    with pytest.raises(ParameterError, match="it has 1, each held out"):
        pictures(tmp_path)
