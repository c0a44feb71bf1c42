"""Animations written: what came in comes back, with times, transparency, repetitions and recipe."""

import tracemalloc
from fractions import Fraction

import numpy as np
import pytest
import torch
from PIL import Image

import impasto
from impasto import cli
from impasto.errors import FrameError, RecipeError
from impasto.stream import Animation, AnimationFile, interrupted_path, write

from .example_animations import DURATIONS, animated, levels, still, transparent
from .example_frames import QUICK, STYLE, Fragile, Tint, clip, frames, needs_av

SUFFIXES = [".gif", ".webp", ".png"]
NEAR = {".gif": 0, ".webp": 3, ".png": 0}
"""How far colours may be from what they were, on average, of 255."""


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_an_animation_comes_back_with_its_frames_times_transparency_and_repetitions(suffix, tmp_path):
    pictures = [transparent(number) for number in range(4)]
    (tmp_path / "in.png").write_bytes(animated("PNG", pictures, loop=3))
    assert write(impasto.Pipeline().stream("in.png", **QUICK), f"out{suffix}") == 4
    made = Animation(f"out{suffix}")
    assert (made.count, made.plays) == (4, 3)
    for index, (frame, pixels) in enumerate(zip(made, pictures, strict=True)):
        assert frame.meta.duration == Fraction(DURATIONS[index], 1000)
        found, seen = levels(frame), pixels[..., 3] > 0
        assert (found[..., 3] == pixels[..., 3]).all()
        assert np.abs(found[seen].astype(int) - pixels[seen]).mean() <= NEAR[suffix]
    # Another reader sees the same.
    with Image.open(f"out{suffix}") as other:
        assert other.n_frames == 4
        for index, pixels in enumerate(pictures):
            other.seek(index)
            found = np.array(other.convert("RGBA"))
            assert other.info["duration"] == DURATIONS[index]
            assert (found[..., 3] == pixels[..., 3]).all()


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_half_transparent_pixels_are_kept_or_their_loss_is_said_once(suffix, recwarn):
    given = [impasto.read(still(number, 100)) for number in range(3)]
    write(impasto.Pipeline().stream(given, **QUICK), f"out{suffix}")
    said = [str(each.message) for each in recwarn if "half transparent" in str(each.message)]
    if suffix == ".gif":
        assert len(said) == 1
    else:
        assert not said
        assert all((levels(frame)[..., 3] == 100).all() for frame in Animation(f"out{suffix}"))


def test_a_gif_of_many_colours_is_near_to_them_and_one_of_few_is_exact():
    ramp = torch.linspace(0, 1, 96 * 64).reshape(1, 1, 64, 96)
    many = torch.cat([ramp, ramp.flip(2), ramp.flip(3)], 1)
    write([impasto.read(many), impasto.read(many.flip(1))], "many.gif")
    (first, _) = Animation("many.gif")
    assert (torch.nn.functional.avg_pool2d(first.tensor - many, 8)).abs().max() < 0.03
    few = np.random.default_rng(0).integers(0, 256, (256, 3), np.uint8)[
        np.random.default_rng(1).permutation(256 * 4).reshape(32, 32) % 256
    ]
    write([impasto.read(few)] * 2, "few.gif")
    assert all((levels(frame)[..., :3] == few).all() for frame in Animation("few.gif"))


def test_the_times_of_frames_that_are_left_out_or_chosen_add_up(recwarn):
    fast = [
        impasto.read(still(number % 5)).replace(
            meta=impasto.read(still(0)).meta.replace(time=Fraction(number, 60), duration=Fraction(1, 60))
        )
        for number in range(60)
    ]
    write(fast, "fast.gif")
    assert sum("left out" in str(each.message) for each in recwarn) == 1
    made = [frame.meta for frame in Animation("fast.gif")]
    assert min(meta.duration for meta in made) >= Fraction(1, 50)
    assert abs(made[-1].time + made[-1].duration - 1) <= Fraction(2, 100)
    write(fast[::6], "slow.gif")
    assert [frame.meta.time for frame in Animation("slow.gif")] == [Fraction(i, 10) for i in range(10)]
    write(map(impasto.read, frames(5, (8, 8))), "even.webp", fps=4)
    assert [frame.meta.time for frame in Animation("even.webp")] == [Fraction(i, 4) for i in range(5)]


def test_a_gif_has_frames_that_browsers_slow_down_only_where_its_source_has(tmp_path):
    pictures = [still(number) for number in range(6)]
    with pytest.warns(UserWarning, match="50 frames per second at most"):
        write(map(impasto.read, pictures), "hundred.gif", fps=100)
    assert min(frame.meta.duration for frame in Animation("hundred.gif")) >= Fraction(2, 100)
    timed = [
        impasto.read(pixels).replace(meta=impasto.read(pixels).meta.replace(time=Fraction(number, 100)))
        for number, pixels in enumerate(pictures)
    ]
    with pytest.warns(UserWarning, match="50 frames per second at most"):  # as of a video
        write(timed, "video.gif")
    (tmp_path / "in.gif").write_bytes(animated("GIF", pictures, 10))
    write(impasto.Pipeline().stream("in.gif", **QUICK), "out.gif")
    assert [frame.meta.duration for frame in Animation("out.gif")] == [Fraction(1, 100)] * 6


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_recipe_goes_along_and_is_read_as_a_strangers(suffix):
    (pipe := impasto.Pipeline(Tint(grain=0.25)))
    write(pipe.stream([frames(1)[0]] * 2, STYLE, seed=7, **QUICK), f"out{suffix}")
    assert impasto.Pipeline.load(f"out{suffix}") == pipe
    assert "seed = 7" in next(iter(Animation(f"out{suffix}"))).meta.recipe if suffix == ".png" else True
    write(pipe.stream([frames(1)[0]] * 2, STYLE, **QUICK), f"secret{suffix}", recipe=False)
    with pytest.raises(impasto.PictureError, match="carries no recipe"):
        impasto.Pipeline.load(f"secret{suffix}")
    for evil, asked in (("kept", "to write"), ("read", "to read")):
        meta = impasto.read(frames(1)[0]).meta.replace(recipe=f'[[stages]]\nstage = "keeper"\n{evil} = "/etc/passwd"\n')
        write([impasto.read(frame).replace(meta=meta) for frame in frames(2)], f"evil{suffix}")
        with pytest.raises(RecipeError, match=f"{asked}.*'/etc/passwd'"):
            impasto.Pipeline.load(f"evil{suffix}")


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("how", ["break", "press"])
def test_what_was_painted_before_an_error_plays_under_a_name_that_says_so(suffix, how, tmp_path):
    target = tmp_path / f"out{suffix}"
    target.write_bytes(b"of before")
    with pytest.raises((FrameError, KeyboardInterrupt)):
        write(impasto.Pipeline(Fragile(how=how)).stream([*frames(3), torch.zeros(1, 3, 12, 16)], **QUICK), target)
    assert len(list(Animation(interrupted_path(target)))) == 3
    assert target.read_bytes() == b"of before"
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([f"out.interrupted{suffix}", f"out{suffix}"])


@pytest.mark.parametrize("suffix", [*SUFFIXES, pytest.param(".mp4", marks=needs_av)])
def test_what_an_interruption_left_stays_until_something_better_is_there(suffix, tmp_path):
    kept = interrupted_path(tmp_path / f"out{suffix}")
    kept.write_bytes(b"an hour of painting")

    def failing(number):
        yield from map(impasto.read, frames(number))
        raise RuntimeError("the camera fell")

    with pytest.raises(RuntimeError, match="fell"):
        write(failing(0), f"out{suffix}")
    assert kept.read_bytes() == b"an hour of painting"
    with pytest.raises(RuntimeError, match="fell"):
        write(failing(2), f"out{suffix}")
    assert kept.read_bytes() != b"an hour of painting"
    write(map(impasto.read, frames(2)), f"out{suffix}")
    assert [path.name for path in tmp_path.iterdir()] == [f"out{suffix}"]


def open_file(path):
    return open(path, "rb")


@pytest.mark.parametrize("given", [str, open_file, lambda path: Image.open(open_file(path))])
@pytest.mark.parametrize("count", [1, 2])
@pytest.mark.parametrize("suffix", SUFFIXES)
def test_the_input_is_never_overwritten(suffix, count, given, tmp_path):
    form = {".gif": "GIF", ".png": "PNG", ".webp": "WEBP"}[suffix]
    data = animated(form, [still(number) for number in range(count)], 100)
    (tmp_path / f"in{suffix}").write_bytes(data)
    with pytest.raises(FrameError, match="made from"):
        write(impasto.Pipeline().stream(given(f"in{suffix}"), **QUICK), f"in{suffix}")
    assert (tmp_path / f"in{suffix}").read_bytes() == data
    assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize("out", ["out.jpg", "out.tif", "out.tga", "out.avi", "out.bmp"])
def test_a_name_that_holds_no_frames_is_refused_before_anything_is_painted(out, tmp_path):
    def unread():
        raise AssertionError("was read")
        yield

    with pytest.raises(impasto.PictureError, match=r"what would work: .*\.mp4"):
        write(unread(), out)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_thousand_frames_take_the_memory_of_a_few(suffix):
    def many():
        pixels = still(0)[..., :3].repeat(4, 0).repeat(4, 1)
        for number in range(100):
            yield impasto.read(np.roll(pixels, number, 1))

    write(many(), f"many{suffix}")
    tracemalloc.start()
    count = sum(1 for _ in Animation(f"many{suffix}"))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert count == 100
    assert peak < 30 * 96 * 128 * 4  # bytes of 30 frames


def test_the_command_line_paints_animations(tmp_path, capsys):
    data = animated("GIF", [transparent(number) for number in range(4)], disposal=2, loop=0)
    (tmp_path / "a.gif").write_bytes(data)
    impasto.read(STYLE).save("style.png")
    impasto.Pipeline(Tint(grain=0)).save("pipe.toml")
    for out in ("b.gif", "b.webp", "b.png"):
        assert cli.main(["run", "pipe.toml", "--content", "a.gif", "--style", "style.png", "--out", out]) == 0
        assert f"{out}: 4 frames, tint" in capsys.readouterr().out
        made = list(Animation(out))
        assert [frame.meta.duration for frame in made] == [Fraction(each, 1000) for each in DURATIONS]
        assert all((levels(made[i])[..., 3] == transparent(i)[..., 3]).all() for i in range(4))
        paint = ["paint", "a.gif", "style.png", "--with", "tint:grain=0.0", "-o", f"paint-{out}"]
        assert cli.main(paint) == 0
        assert Animation(f"paint-{out}").count == 4
    capsys.readouterr()
    assert cli.main(["run", "pipe.toml", "--content", "a.gif", "--style", "style.png", "--out", "stills"]) == 0
    assert len(list((tmp_path / "stills").glob("frame-00000?.png"))) == 4
    assert cli.main(["run", "pipe.toml", "--content", "stills", "--style", "style.png", "--out", "again.gif"]) == 0
    assert Animation("again.gif").count == 4
    for arguments, message in (
        (["--out", "b.jpg"], "a.gif: holds 4 pictures and b.jpg a picture"),
        (["--out", "a.gif"], "never overwritten"),
        (["--out", "b.tga"], "frames do not go into a file '.tga'"),
        (["--out", "c.gif", "--bits", "16"], "frames have 8 bits"),
    ):
        assert cli.main(["run", "pipe.toml", "--content", "a.gif", "--style", "style.png", *arguments]) == 2
        assert message in capsys.readouterr().err
    before = (tmp_path / "b.gif").read_bytes()
    assert cli.main(["run", "pipe.toml", "--content", "a.gif", "--out", "b.gif", "--skip-existing"]) == 0
    assert (tmp_path / "b.gif").read_bytes() == before


def test_the_command_line_says_what_an_interruption_left(tmp_path, capsys):
    dark = np.zeros((12, 16, 4), np.uint8)
    dark[..., 3] = 255
    light = dark + np.array([200, 200, 200, 0], np.uint8)
    impasto.Pipeline(Fragile(how="press")).save("pipe.toml")
    (tmp_path / "late.webp").write_bytes(animated("WEBP", [light, light - 1, dark], [100, 100, 100]))
    (tmp_path / "early.webp").write_bytes(animated("WEBP", [dark, light, light - 1], [100, 100, 100]))
    assert cli.main(["run", "pipe.toml", "--content", "late.webp", "--out", "b.gif"]) == 130
    assert "b.interrupted.gif holds the frames so far" in capsys.readouterr().err
    before = (tmp_path / "b.interrupted.gif").read_bytes()
    assert cli.main(["run", "pipe.toml", "--content", "early.webp", "--out", "b.gif"]) == 130
    assert "interrupted; nothing was written" in capsys.readouterr().err
    assert (tmp_path / "b.interrupted.gif").read_bytes() == before


@needs_av
def test_the_command_line_makes_animations_of_videos(capsys):
    clip("in.mp4")
    impasto.Pipeline().save("pipe.toml")
    for out in ("b.gif", "b.webp"):
        assert cli.main(["run", "pipe.toml", "--content", "in.mp4", "--out", out]) == 0
        assert Animation(out).count == 10
    assert cli.main(["paint", "in.mp4", "--with", "fragile", "-o", "c.gif"]) == 0
    assert Animation("c.gif").plays == 0


def test_an_animation_file_says_which_suffixes_it_takes():
    with pytest.raises(impasto.PictureError, match=r"'\.bmp' names no animation.*\n.*\.gif, \.webp, \.png"):
        AnimationFile("a.bmp")
