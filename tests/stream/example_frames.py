"""Stages of which one knows what they do, frames and short videos."""

from fractions import Fraction
from functools import partial
from typing import ClassVar

import numpy as np
import pytest
import torch

import impasto
from impasto.stage import remember
from impasto.stream import Video

try:
    import av
except ImportError:
    av = None

needs_av = pytest.mark.skipif(av is None, reason="PyAV is not installed: pip install 'impasto[video]'")

STYLE = torch.linspace(1, 0, 3 * 16 * 12).reshape(1, 3, 16, 12)
QUICK = {"device": "cpu", "precision": "float32"}
COLOURS = [(200, 30, 30), (30, 200, 30), (30, 30, 200), (120, 120, 120), (220, 220, 40)]


class Tint(impasto.Stylizer, name="tint"):
    """Mix in the styles' mean colours, studied once, and a grain."""

    studied: ClassVar[list[float]] = []
    grain: float = impasto.param(default=0.1, low=0, help="how strong")

    def study(self, image):
        self.studied.append(float(image.mean()))
        return image.mean((2, 3), keepdim=True)

    def stylize(self, content, styles, guides):
        colours = [remember(style, "mean", partial(self.study, style.image)) for style in styles]
        return content.lerp(sum(colours) / len(colours), 0.5) + self.grain * torch.randn(
            content.shape, generator=self.generator("cpu")
        )


class Fragile(impasto.Stylizer, name="fragile"):
    """Break, or be interrupted, at dark frames."""

    style = "optional"
    how: str = impasto.param(default="break", help="break, press or press-late")

    def stylize(self, content, styles, guides):
        if content.max() < 0.1:
            if self.how == "break":
                raise ValueError("too dark")
            if self.how == "press-late":
                self.report(1, 2, content, {})
            raise KeyboardInterrupt
        return content


class Keeper(impasto.Postprocessor, name="keeper"):
    """Write what nobody asked for."""

    kept: str = impasto.param(default="", writes=True, help="where to")
    read: str = impasto.param(default="", reads=True, help="from where")

    def refine(self, image, content, styles):
        return image


def frames(number, size=(12, 16)):
    """Frames that are each of another colour."""
    ramp = torch.linspace(0, 1, size[0] * size[1]).reshape(1, 1, *size)
    return [(ramp * 0.5 + (index + 1) * 0.5 / number).expand(1, 3, *size).contiguous() for index in range(number)]


def stop_at(number, error):
    yield from frames(number)
    raise error


def clip(path, colours=COLOURS * 2, size=(48, 64), fps=10, turned=0, sound=False, aspect=1, pts=None, grain=0):
    """Write a video of plain frames by PyAV alone."""
    with av.open(str(path), "w") as out:
        stream = out.add_stream("mpeg4", rate=fps, options={"flags": "+qscale", "global_quality": "236"})
        stream.height, stream.width, stream.pix_fmt = *size, "yuv420p"
        stream.codec_context.sample_aspect_ratio = aspect
        if turned:
            stream.set_display_rotation(turned)
        if sound:
            voice = out.add_stream("aac", rate=44100, layout="mono")
        for index, colour in enumerate(colours):
            noise = np.random.default_rng(index).normal(0, grain, (*size, 3))
            array = (np.array(colour) + noise).clip(0, 255).astype(np.uint8)
            frame = av.VideoFrame.from_ndarray(array, "rgb24")
            frame.pts, frame.time_base = (pts[index] if pts else index), Fraction(1, fps)
            out.mux(stream.encode(frame))
        if sound:
            tone = np.sin(np.arange(44100 * len(colours) // fps) * 0.05, dtype=np.float32)[None]
            for index, begin in enumerate(range(0, tone.shape[1] - 1023, 1024)):
                part = av.AudioFrame.from_ndarray(tone[:, begin : begin + 1024], "fltp", "mono")
                part.sample_rate, part.pts, part.time_base = 44100, 1024 * index, Fraction(1, 44100)
                out.mux(voice.encode(part))
            out.mux(voice.encode(None))
        out.mux(stream.encode(None))


def means(path):
    return [(picture.tensor.mean((0, 2, 3)) * 255).round().tolist() for picture in Video(path)]


def near(found, wanted, tolerance):
    return np.abs(np.array(found) - np.array(wanted)).max() <= tolerance
