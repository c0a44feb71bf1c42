"""Tone curves from text files."""

import functools
import os

import torch

import impasto
from impasto.files import local_path


class Curve(impasto.Postprocessor, name="curve"):
    """Change the tones by a curve from a text file."""

    path: str = impasto.param(reads=True, help="the file: in each line a tone and what becomes of it, 0 to 1")
    strength: float = impasto.param(default=1.0, low=0, high=1, help="share of the changed picture in the result")

    def refine(self, image, content, styles):
        path = local_path(self.path)
        tones, results = read_curve(path, path.stat().st_mtime_ns)
        return image.lerp(toned(image, tones, results), self.strength)


@functools.lru_cache(maxsize=8)
def read_curve(path, changed):
    """Return tones (N) and what becomes of them (N); `changed`, when the file was changed last, has it read anew."""
    if os.path.getsize(path) > 1 << 16:
        raise impasto.StageError(f"{path}: has more than 64 KiB\n  what would work: some points of a curve")
    points = []
    with open(path, encoding="utf-8", errors="replace") as file:
        for number, line in enumerate(file, 1):
            try:
                tone, result = (float(word) for word in line.split())
            except ValueError:
                tone = result = -1
            if not (0 <= tone <= 1 and 0 <= result <= 1):
                raise impasto.StageError(
                    f"{path}: line {number} is {line.strip()[:60]!r}\n  what would work: two numbers from 0 to 1"
                )
            points.append((tone, result))
    tones, results = torch.tensor(points).view(-1, 2).T.contiguous()
    if len(tones) < 2 or not bool((tones.diff() > 0).all()):
        raise impasto.StageError(f"{path}: the tones do not rise\n  what would work: two lines or more, darkest first")
    return tones, results


def toned(image, tones, results):
    """Return an image (B, 3, H, W) with its tones changed, linear between the points of the curve."""
    tones, results = tones.to(image), results.to(image)
    above = torch.bucketize(image, tones).clamp(1, len(tones) - 1)
    low, high = tones[above - 1], tones[above]
    share = ((image - low) / (high - low)).clamp(0, 1)
    return results[above - 1].lerp(results[above], share)


@impasto.hookimpl
def impasto_postprocessors():
    return [Curve]
