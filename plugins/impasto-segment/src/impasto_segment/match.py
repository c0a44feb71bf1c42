"""Pair the regions of the content with regions of the styles."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor

import impasto
from impasto import Canvas, Preprocessor, StageError, Style, Weights, param
from impasto.functional import batch_item
from impasto.functional.precision import in_double
from impasto.functional.statistics import mean_std
from impasto.networks import records

__all__ = ["MatchRegions", "assign", "describe_regions"]

LAYER = "relu4_1"

Pair = tuple[int, int]
"""A style, by its number, and a region in it."""


@dataclass(frozen=True)
class Regions:
    """What the regions of one picture look like and where they lie."""

    features: Tensor
    """(K, D), mean and deviation of each feature inside."""
    position: Tensor
    """(K, 3): centre down and across, and the root of the area, as shares of the picture's side."""


def describe_regions(image: Tensor, guides: Tensor) -> Regions:
    """Describe the regions of one picture by statistics of features and by their place.

    Args:
        image: (1, 3, H, W), sRGB in [0, 1].
        guides: (1, K, H, W), each above 0 somewhere.
    """
    features = impasto.encoder("slim19", device=image.device).features(image, [LAYER])[LAYER]
    small = F.adaptive_avg_pool2d(guides.float(), (features.shape[-2], features.shape[-1]))
    looks = [torch.cat(mean_std(features, weights[:, None]), 1).flatten() for weights in small.unbind(1)]
    shares = guides[0].float() / guides[0].float().sum((-2, -1), keepdim=True)
    height, width = guides.shape[-2:]
    down = (
        shares.sum(-1)
        * torch.linspace(0.5 / height, 1 - 0.5 / height, height, dtype=torch.float32, device="cpu").to(shares)
    ).sum(-1)
    across = (
        shares.sum(-2)
        * torch.linspace(0.5 / width, 1 - 0.5 / width, width, dtype=torch.float32, device="cpu").to(shares)
    ).sum(-1)
    side = guides[0].float().mean((-2, -1)).sqrt()
    return Regions(torch.stack(looks), torch.stack([down, across, side], 1))


def pairing_costs(content: Regions, styles: Regions, position: float) -> Tensor:
    """Return how badly each region of the content fits each of the styles, (K, L); 1 is a usual difference.

    Each side is centred by itself first, since a painting differs as a whole from a photograph: its sky is to its
    other regions what the photograph's sky is to the photograph.
    """
    one, other = content.features - content.features.mean(0), styles.features - styles.features.mean(0)
    if min(len(one), len(other)) == 1:  # nothing to compare within a side
        one, other = content.features, styles.features
    spread = torch.cat([one, other]).std(0, correction=0).clamp_min(1e-6)
    look = ((one / spread)[:, None] - (other / spread)[None]).square().mean(-1) / 2
    place = (content.position[:, None] - styles.position[None]).square().sum(-1)
    return look + position * place


def assign(costs: Tensor, spread: bool) -> list[int]:
    """Return for each row the column it is paired with.

    Args:
        costs: (K, L).
        spread: give all columns work: none is taken once more before all are taken (Hungarian method); otherwise
            each row takes its best column.
    """
    # Imported when needed: it takes a fifth of a second to load.
    from scipy.optimize import linear_sum_assignment  # type: ignore[import-untyped]

    if not spread:
        return [int(best) for best in costs.argmin(1)]
    rows, columns = costs.shape
    rounds = -(-rows // columns)
    square = in_double(costs).cpu().repeat(1, rounds)
    # What is left of the last round goes to rows of no cost, which may take nothing of the rounds before it.
    idle = square.new_zeros(rounds * columns - rows, rounds * columns)
    idle[:, : (rounds - 1) * columns] = 1 + square.abs().sum()
    chosen = linear_sum_assignment(torch.cat([square, idle]).numpy())[1]
    return [int(column) % columns for column in chosen[:rows]]


class MatchRegions(Preprocessor, name="match-regions"):
    """Pair each region of the content with the region of the styles that resembles it most."""

    prepares = ("guides", "styles")

    by: str = param(
        default="features",
        choices=("features", "labels"),
        help="pair by what the regions look like to an encoder, or by equal names first and looks for the others",
    )
    spread: bool = param(
        default=True, help="use every region of the styles before one is used twice; false: each takes its nearest"
    )
    position: float = param(
        default=1.0,
        low=0,
        high=1000,
        help="how much place and size in the picture count beside the looks; 0 ignores them",
    )

    def weights(self) -> tuple[Weights, ...]:
        """Return the record of the encoder that looks at regions."""
        return records("slim19")

    def prepare(self, canvas: Canvas) -> Canvas:
        """Return the canvas with styles whose guides are for the content's regions, in their order."""
        self.require_styles(canvas.styles)
        if canvas.guides is None:
            raise StageError(
                f"{self.name}: the content has no regions\n"
                f"  what to type: Pipeline.parse('segment-regions:target=both, {self.name}, …'),"
                " or mask-file with a label picture"
            )
        # A style for one region says itself what it is for.
        paired = {number: style for number, style in enumerate(canvas.styles) if not style.region}
        without = [str(number + 1) for number, style in paired.items() if style.guides is None]
        if without:
            raise StageError(
                f"{self.name}: style {', '.join(without)} of {len(canvas.styles)} has no regions\n"
                f"  what to type: Pipeline.parse('segment-regions:target=both, {self.name}, …'), or mask-file with a"
                " label picture for each style"
            )
        count = len(canvas.content)
        pictures = [self._pair(canvas, paired, index) for index in range(count)]
        alike = all(pairs == pictures[0] for pairs in pictures)
        labels = canvas.labels or tuple(f"region-{index + 1}" for index in range(canvas.guides.shape[1]))
        styles = list(canvas.styles)
        for number, style in paired.items():
            guides = guides_of(style)
            if alike:
                styles[number] = style.replace(guides=_rearranged(guides, pictures[0], number), labels=labels)
                continue
            guides = guides.expand(count, -1, -1, -1)
            each = [_rearranged(guides[i : i + 1], pairs, number) for i, pairs in enumerate(pictures)]
            image = style.image.expand(count, -1, -1, -1)
            styles[number] = style.replace(image=image, guides=torch.cat(each), labels=labels)
        return canvas.replace(labels=labels, styles=tuple(styles))

    def _pair(self, canvas: Canvas, styles: Mapping[int, Style], index: int) -> list[Pair]:
        """Return for each region of a picture the style and the region in it that it is paired with."""
        one = partial(batch_item, index=index)
        assert canvas.guides is not None
        inside = one(canvas.guides) if canvas.mask is None else one(canvas.guides) * one(canvas.mask)
        wanted = present_regions(inside)
        offered = {number: present_regions(one(guides_of(style))) for number, style in styles.items()}
        candidates = [(number, region) for number, regions in offered.items() for region in regions]
        if not candidates or not wanted:
            side = "styles" if wanted else "content"
            raise StageError(
                f"{self.name}: all regions of the {side} are empty\n  what would work: guides above 0 somewhere"
            )
        pairs = self._by_label(canvas, wanted, candidates) if self.by == "labels" else {}
        rest = [region for region in wanted if region not in pairs]
        if rest:
            here = describe_regions(one(canvas.content), inside[:, rest])
            there = [
                describe_regions(one(styles[number].image), one(guides_of(styles[number]))[:, regions])
                for number, regions in offered.items()
                if regions
            ]
            all_there = Regions(
                torch.cat([found.features for found in there]), torch.cat([found.position for found in there])
            )
            chosen = assign(pairing_costs(here, all_there, self.position), self.spread)
            pairs.update({region: candidates[column] for region, column in zip(rest, chosen, strict=True)})
        # A region that has no pixel needs no partner; the first one keeps the count.
        return [pairs.get(region, candidates[0]) for region in range(canvas.guides.shape[1])]

    def _by_label(self, canvas: Canvas, wanted: Sequence[int], candidates: Sequence[Pair]) -> dict[int, Pair]:
        names = {(number, region): canvas.styles[number].labels[region : region + 1] for number, region in candidates}
        unnamed = ["content"] * (not canvas.labels) + ["styles"] * (not all(names.values()))
        if unnamed:
            raise StageError(
                f"{self.name}: the regions of the {' and the '.join(unnamed)} have no names\n"
                "  what to type: match-regions:by=features, or a stage before it that gives names: mask-file, semantic"
            )
        pairs = {}
        for region in wanted:
            named = [pair for pair, name in names.items() if name[0] == canvas.labels[region]]
            if named:
                pairs[region] = named[0]
        missing = [canvas.labels[region] for region in wanted if region not in pairs]
        if missing:
            there = sorted({name[0] for name in names.values()})
            warnings.warn(
                f"{self.name}: no style has the region {', '.join(map(repr, missing))}, which is paired by its looks\n"
                f"  regions of the styles: {', '.join(map(repr, there))}",
                stacklevel=2,
            )
        return pairs


def guides_of(style: Style) -> Tensor:
    """Return a style's guides where they are known to be there."""
    assert style.guides is not None
    return style.guides


def present_regions(guides: Tensor) -> list[int]:
    """Return the numbers of the regions that have pixels."""
    return [index for index in range(guides.shape[1]) if guides[:, index].any()]


def _rearranged(guides: Tensor, pairs: Sequence[Pair], number: int) -> Tensor:
    """Return one style's guides for the content's regions; nothing for those that another style covers."""
    nothing = torch.zeros_like(guides[:, 0])
    return torch.stack([guides[:, region] if style == number else nothing for style, region in pairs], dim=1)
