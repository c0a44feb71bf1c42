"""Key frames: some frames of a clip are painted, and their strokes carried to the others."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

import impasto
from impasto import Picture
from impasto.functional import box_mean, luma, size_of, size_text
from impasto.functional.flow import film_alike, optical_flow, trusted, warp
from impasto.functional.patches import NNF, grid, guided_synthesis
from impasto.stream import CutDetector

from .steady import with_detail_of

EVERY = 12
"""Frames from one key frame to the next: half a second of film."""
EDGES, POSITION = 2.0, 0.5
"""What edges, and places as shares of the longer side, count beside colours where patches are looked for."""
RADIUS = 24
"""Pixels around the place that the motion leads to within which patches are looked for."""
SPECK = 2
"""Pixels to each side within which most must be missing for patches to be laid."""
MARGIN = 8
"""Pixels around what is patched that are matched too."""
PATCHED = 0.3
"""How far patches are believed, beside strokes that were carried."""
LEAST = 0.02
"""What a key frame's strokes count at least where they are not believed: something must be painted."""

Paint = Callable[[Picture], Any]
"""Paints a frame: gives anything that `impasto.read` takes."""


def propagate(
    frames: Any, paint: Paint | None = None, *, every: int = EVERY, keys: Mapping[int, Any] | None = None
) -> Iterator[Picture]:
    """Return a clip painted from its key frames, whose strokes are carried to the frames between them.

    The first frame of a shot is painted and every `every`-th after it; the frames between two of them take the strokes
    of both, those of the nearer one most.  Where the film does not show what a key frame shows, patches of the key
    frame are laid, found by colours, edges and places.

    Args:
        frames: as `Pipeline.stream` takes them: a clip, a folder, pictures one after another.
        paint: paints a key frame, such as `lambda frame: pipe(frame, style)`.
        every: frames from key frame to key frame.
        keys: pictures of key frames by number from 1, painted elsewhere: paths, or what else `impasto.read` takes.
            Without `paint` they are the only ones.

    Returns:
        A generator of pictures; it reads ahead to the next key frame.

    Raises:
        ValueError: nothing to paint with, a shot without a key frame, or a key frame of another size.

    After O. Jamriška et al. 2019, *Stylizing Video by Example*, SIGGRAPH.

    Example:
        >>> import impasto
        >>> photo = impasto.samples.content("coffee", 96)
        >>> film = [photo[..., shift : shift + 64] for shift in range(5)]
        >>> painted = list(propagate(film, lambda frame: 1 - frame.tensor, every=4))
        >>> bool((painted[2].tensor - (1 - film[2])).abs().mean() < 0.02)
        True
    """
    if (paint is None and not keys) or every < 1:
        raise ValueError(
            f"propagate: every = {every}, and there is {'nothing' if paint is None else 'something'} to paint with\n"
            "  what would work: a key frame every 12, and a function that paints it; or key frames by number"
        )
    return _propagated(frames, paint, every, keys or {})


def _propagated(frames: Any, paint: Paint | None, every: int, keys: Mapping[int, Any]) -> Iterator[Picture]:
    begun: Tensor | None = None
    for stretch in _stretches(frames, every if paint else None, keys):
        if begun is None and stretch.begins_with_key:
            begun = _painted(stretch.frames[0], stretch.first, paint, keys)
        ended = None
        if stretch.ends_with_key:
            last = len(stretch.frames) - 1
            ended = _painted(stretch.frames[last], stretch.first + last, paint, keys)
        if begun is None and ended is None:
            raise ValueError(
                f"propagate: none of the frames {stretch.first} to {stretch.first + len(stretch.frames) - 1}, one shot,"
                f" is a key frame\n  what would work: one of them painted, such as the first"
            )
        film = [frame.visible for frame in stretch.frames]
        count = len(film) - stretch.ends_with_key  # the next stretch begins with that frame
        for frame, image in zip(stretch.frames[:count], between(film, begun, ended), strict=False):
            yield frame.replace(tensor=image)
        begun = ended


class _Stretch(NamedTuple):
    """Frames of one shot from a key frame to the next."""

    frames: list[Picture]
    first: int
    """Number of the first one, from 1."""
    begins_with_key: bool
    ends_with_key: bool


def _stretches(frames: Any, every: int | None, keys: Mapping[int, Any]) -> Iterator[_Stretch]:
    is_cut = CutDetector()
    held: list[Picture] = []
    first, begins, since = 1, False, 0
    for number, frame in enumerate(impasto.Pipeline().stream(frames), 1):
        if is_cut(frame.visible) and held:
            yield _Stretch(held, first, begins, False)
            held = []
        if not held:
            first, begins, since = number, number in keys or every is not None, 0
            held = [frame]
            continue
        held.append(frame)
        since += 1
        if number in keys or since == every:
            yield _Stretch(held, first, begins, True)
            held, first, begins, since = [frame], number, True, 0
    if held:
        yield _Stretch(held, first, begins, False)


def _painted(frame: Picture, number: int, paint: Paint | None, keys: Mapping[int, Any]) -> Tensor:
    """Return a key frame as it is painted."""
    made = keys[number] if number in keys else paint(frame) if paint else None
    image = impasto.read(made).visible.to(frame.tensor.device)
    if size_of(image) != size_of(frame.tensor):
        raise ValueError(
            f"propagate: key frame {number} is {size_text(size_of(image))} pixels, and the film"
            f" {size_text(size_of(frame.tensor))}\n  what would work: a picture as large as the frame"
        )
    return image


@torch.no_grad()
def between(film: Sequence[Tensor], first: Tensor | None, last: Tensor | None = None) -> Iterator[Tensor]:
    """Return the painted frames of a stretch of film of which the first, the last, or both are painted.

    Args:
        film: frames (1, 3, H, W), sRGB in [0, 1], of one shot.
        first: (1, 3, H, W), the first one painted; None where only the last one is.
        last: likewise the last one.

    Raises:
        ValueError: neither is painted.

    Example:
        >>> import impasto
        >>> photo = impasto.samples.content("coffee", 96)
        >>> [frame.shape[-1] for frame in between([photo, photo, photo], 1 - photo)]
        [96, 96, 96]
    """
    if first is None and last is None:
        raise ValueError("between: neither end is painted\n  what would work: first, last, or both, (1, 3, H, W)")
    if first is None:
        yield from reversed(list(between(film[::-1], last)))
        return
    from_last = [None] * len(film) if last is None else list(_carried(film[::-1], last))[::-1]
    for place, (mine, theirs) in enumerate(zip(_carried(film, first), from_last, strict=True)):
        ends = [mine] if theirs is None else [mine, theirs]
        _lay_patches(ends)
        image = mine.image()
        if theirs is not None:
            share = place / max(len(film) - 1, 1)
            weight, counter = (
                part * (box_mean(end.credit, 1) + LEAST) for part, end in ((1 - share, mine), (share, theirs))
            )
            other = theirs.image()
            # A mixture of strokes is softer than each.
            image = with_detail_of(other if share > 0.5 else image, image.lerp(other, counter / (weight + counter)))
        yield image.clamp(0, 1)


@dataclass
class _Strokes:
    """Where in a painted key frame each pixel of a frame was, and how far that is believed."""

    frame: Tensor
    key: Tensor
    painted: Tensor
    away: Tensor
    """(1, 2, H, W), pixels to the right and down."""
    credit: Tensor
    """(1, 1, H, W): 1 where the frame shows what the key frame shows, `PATCHED` where patches are laid."""

    def image(self) -> Tensor:
        """Return the frame in these strokes, which are resampled only once."""
        return warp(self.painted, self.away)


def _lay_patches(ends: Sequence[_Strokes]) -> None:
    """Where no key frame's strokes are believed, take the most similar patches of one of them."""
    unseen = torch.stack([strokes.credit for strokes in ends]).amax(0) < 0.5 * PATCHED
    hole = box_mean(unseen.float(), SPECK) > 0.5
    if hole.any():
        found = [_patches(strokes, hole) for strokes in ends]
        nearest = torch.stack([distances for _, distances in found]).argmin(0)
        for place, (strokes, (away, _)) in enumerate(zip(ends, found, strict=True)):
            own = hole & (nearest == place)
            strokes.away = torch.where(own, away, strokes.away)
            strokes.credit = strokes.credit.masked_fill(own, PATCHED)
    # Single pixels that are matched elsewhere than their neighbours, or were too few for a search, are specks.
    for strokes in ends:
        strokes.away = torch.where(unseen, _median(strokes.away, SPECK), strokes.away)


def _carried(film: Sequence[Tensor], painted: Tensor) -> Iterator[_Strokes]:
    """Return what becomes of the strokes of the first frame; patches laid in one frame are carried to the next."""
    key = film[0]
    strokes = _Strokes(key, key, painted, torch.zeros_like(key[:, :2]), torch.ones_like(key[:, :1]))
    yield strokes
    for now in film[1:]:
        flow, back = optical_flow(now, strokes.frame), optical_flow(strokes.frame, now)
        # Never between the places of two objects.
        carried = warp(torch.cat([strokes.away, strokes.credit], 1), flow, "nearest")
        away, credit = flow + carried[:, :2], carried[:, 2:]
        alike = film_alike(now, warp(key, away))
        credit = torch.minimum(torch.minimum(credit, alike), trusted(flow, back))
        strokes = _Strokes(now, key, painted, away, credit)
        yield strokes


def _median(maps: Tensor, radius: int) -> Tensor:
    """Return the median of each channel within a radius of each place."""
    side = 2 * radius + 1
    around = F.pad(maps, (radius,) * 4, mode="replicate").unfold(2, side, 1).unfold(3, side, 1)
    return around.flatten(4).median(-1).values


def _guides(frame: Tensor, away: Tensor) -> Tensor:
    """Return what patches are looked for by: colours, edges, and the place in the key frame."""
    light = luma(frame)
    places = grid(*size_of(frame), frame.device).flip(0)[None] + away
    return torch.cat([frame, EDGES * (light - box_mean(light, 2)), POSITION / max(size_of(frame)) * places], 1)


def _patches(strokes: _Strokes, hole: Tensor) -> tuple[Tensor, Tensor]:
    """Return where in the key frame the patches most like those of a hole are, and how unlike they are."""
    height, width = size_of(hole)
    rows, columns = (hole[0, 0].any(axis).nonzero() for axis in (1, 0))
    top, left = (max(0, int(found.min()) - MARGIN) for found in (rows, columns))
    bottom, right = (int(found.max()) + MARGIN + 1 for found in (rows, columns))
    box = (..., slice(top, bottom), slice(left, right))
    there, here = _guides(strokes.key, torch.zeros_like(strokes.away)), _guides(strokes.frame, strokes.away)
    own = grid(height, width, hole.device)[None]
    last = own.new_tensor([height - 1, width - 1]).view(1, 2, 1, 1)
    begun = (own + strokes.away.flip(1)).round().long().clamp_min(0).minimum(last)[box]
    start = NNF(begun[:, None], torch.zeros_like(begun[:, :1], dtype=torch.float32), (height, width))
    seed = torch.Generator("cpu").manual_seed(0)  # the same for all frames, so that they agree
    _, field = guided_synthesis(strokes.painted, there, here[box], start=start, rounds=1, radius=RADIUS, generator=seed)
    away, distances = strokes.away.clone(), torch.zeros_like(strokes.credit)
    away[box] = (field.positions[:, 0] - own[box]).flip(1).to(away)
    distances[box] = field.distances
    return away, distances
