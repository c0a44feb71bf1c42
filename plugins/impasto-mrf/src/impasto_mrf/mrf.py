"""Style transfer by patches of deep features: Li and Wand's Markov random fields, with Champandard's label maps."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

import impasto
from impasto import Encoder, ParameterError, StageError, Style, Weights
from impasto.functional.patches import NNF, nearest
from impasto.networks import PRETRAINED, records
from impasto.optim import LBFGS, Adam, Average, Descent, Optimiser, Size, descend, resize
from impasto.stage import covers

SURFACE = "relu1_1"
"""The layer in which the surface of the paint is compared: it sees a pixel and its neighbours."""

ROTATION, SCALE = 180 / 24, 1.05
"""Degrees and ratio from one copy of a style to the next, as in Li and Wand's code."""

_PUBLISHED = {"encoder": "vgg19", "surface": 0.0, "content_weight": 0.17, "rematch": 1}

PRESETS: Mapping[str, Mapping[str, Any]] = {
    "cnnmrf": {**_PUBLISHED, "content_layers": ("relu4_1",)},
    "run-trans": {**_PUBLISHED, "content_layers": ("relu4_2",), "rotations": 1, "scales": 1},
}
"""The two scripts that Li and Wand published, cnnmrf.lua and run_trans.lua, which differ: `MRF(**PRESETS["cnnmrf"])`.
At 384×384 pixels their content weight of 20 against 1e-4 for the patches is 0.17 here."""

TINY = 1e-12


# ------------------------------------------------------------------------------------------------ the energy


class Target(NamedTuple):
    """What matched patches ask of a map: all that their energy depends on."""

    mean: Tensor
    """(1, C, h, w), the patches laid over each other and averaged."""
    spread: Tensor
    """How far patches that overlap disagree, a scalar: the part of the energy that no picture lowers."""
    power: Tensor
    """The mean squared length of their vectors, a scalar."""

    def energy(self, maps: Tensor) -> Tensor:
        """Return the squared distance of the patches of (1, C, h, w) to their matches, relative to these.

        With a match around every position, the squared distances of the patches over one position sum to their
        number times ‖value - mean‖² + spread, so no patch has to be taken out.  As in Li and Wand's code every
        position counts the same, though fewer patches lie over the border.
        """
        return ((maps.float() - self.mean).square().sum(1).mean() + self.spread) / self.power


def asked(nnf: NNF, maps: Sequence[Tensor], patch: int) -> Target:
    """Return what the matches of a field ask for, with patches from the sources' maps, each (1, C, h, w).

    Example:
        >>> import torch
        >>> style = torch.rand(1, 8, 6, 6)
        >>> asked(nearest(style, [style]), [style], 3).energy(style).item() < 1e-6
        True
    """
    mean = nnf.vote(maps, patch)
    squares = nnf.vote([one.square().sum(1, keepdim=True) for one in maps], patch)
    spread = (squares - mean.square().sum(1, keepdim=True)).mean().clamp_min(0)
    return Target(mean, spread, squares.mean().clamp_min(TINY))


class Source(NamedTuple):
    """A map that patches are taken from, and what is known of its positions."""

    maps: Tensor
    """(1, C, h, w), features."""
    surface: Tensor
    """(1, c, h, w), all that `SURFACE` has under each position; c is 0 where nobody asks."""
    guides: Tensor
    """(1, K, h, w), regions, as vectors of length 1 or 0."""
    valid: Tensor
    """(1, 1, h, w), above 0 where it may be matched."""


class Field:
    """The Markov random field of one layer: to each patch of the picture the nearest one of the styles.

    Args:
        styles: the sources of each style.
        shares: (S, K), how much of each region each of the styles paints, relative to the others.
        guides: (1, K, h, w), the regions of the picture, as vectors of length 1 or 0.
        guide_weight: what the same region adds to the correlation of two patches.
        patch: side of the patches, in positions.
    """

    def __init__(
        self, styles: Sequence[Sequence[Source]], shares: Tensor, guides: Tensor, guide_weight: float, patch: int
    ) -> None:
        self.styles, self.shares, self.guides = styles, shares, guides
        self.guide_weight, self.patch = guide_weight, patch
        self.sources = [source for style in styles for source in style]
        self.found: list[NNF | None] = [None] * len(styles)

    def match(self, maps: Tensor) -> NNF:
        """Return the nearest patches for maps (1, C, h, w), which the search begins at those found before."""
        self.found = [self._search(maps, style, start) for style, start in zip(self.styles, self.found, strict=True)]
        fields = [field for field in self.found if field is not None]
        return fields[0] if len(fields) == 1 else self._shared(fields)

    def _search(self, maps: Tensor, style: Sequence[Source], start: NNF | None) -> NNF:
        guided = self.guides.shape[1] > 1
        return nearest(
            maps,
            [source.maps for source in style],
            patch=self.patch,
            query_guides=self.guides if guided else None,
            source_guides=[source.guides for source in style] if guided else None,
            guide_weight=self.guide_weight,
            source_mask=[source.valid for source in style],
            start=start,
        )

    def _shared(self, fields: Sequence[NNF]) -> NNF:
        """Return one field of one to each style, in which each style has its share of each region."""
        distances = torch.cat([field.distances[:, 0] for field in fields])
        choice = distances.argmin(0)
        strength, label = self.guides[0].max(0)
        for region, shares in enumerate(self.shares.unbind(1)):
            here = (label == region) & (strength > 0)
            choice[here] = share_out(distances[:, here], shares / shares.sum())
        first, positions, which = 0, [], []
        for field in fields:
            assert field.which is not None
            positions.append(field.positions[:, 0])
            which.append(field.which[:, 0] + first)
            first += len(field.source_sizes)
        sizes = tuple(size for field in fields for size in field.source_sizes)
        at = choice[None, None]
        return NNF(
            torch.cat(positions).gather(0, at.expand(1, 2, -1, -1))[:, None],
            distances.gather(0, choice[None])[:, None],
            sizes[0],
            torch.cat(which).gather(0, choice[None])[:, None],
            sizes,
        )


def share_out(distances: Tensor, shares: Tensor, rounds: int = 20) -> Tensor:
    """Return which style each position takes, so that each has its share and the distances sum to the least.

    A style whose patches are a little further everywhere would never be seen.  So each gets a bonus on its
    distances, just large enough for its share: the dual of an assignment with capacities, one style at a time.

    Args:
        distances: (S, N), from each position to the nearest patch of each style.
        shares: (S,), of the N positions; sums to 1.
        rounds: through the styles, of which two need only one.

    Returns:
        (N,), numbers of styles.

    Example:
        >>> import torch
        >>> share_out(torch.tensor([[0.1, 0.2, 0.3, 0.4], [0.5, 0.5, 0.5, 0.5]]), torch.tensor([0.5, 0.5])).tolist()
        [0, 0, 1, 1]
    """
    count = distances.shape[1]
    bonus = torch.zeros_like(distances[:, :1])
    for style in [*range(len(distances))] * rounds:
        reduced = distances - bonus
        reduced[style] = math.inf
        behind = (distances[style] - reduced.amin(0)).sort().values
        wanted = round(float(shares[style]) * count)
        edges = torch.cat([behind[:1] - 1, behind, behind[-1:] + 1])
        bonus[style] = edges[wanted : wanted + 2].mean()
    return (distances - bonus).argmin(0)


class Energy:
    """The energy of a picture, weighted, by name; callable with (1, 3, H, W), matching anew every `rematch` calls.

    Args:
        encoder: whose features are compared.
        fields: the Markov random field of each layer, shallow to deep.
        content: (1, 3, H, W), whose features at `content_layers` are kept.
        content_weight: of that.
        content_layers: where.
        surface: weight of the paint's surface under the matches of the shallowest field.
        smoothness: weight of the total variation.
        rematch: calls from one matching to the next.
    """

    def __init__(
        self,
        encoder: Encoder,
        fields: Mapping[str, Field],
        content: Tensor,
        *,
        content_weight: float,
        content_layers: Sequence[str],
        surface: float,
        smoothness: float,
        rematch: int,
    ) -> None:
        self.encoder, self.fields, self.rematch = encoder, fields, rematch
        self.content_weight, self.surface, self.smoothness = content_weight, surface, smoothness
        kept = list(content_layers) if content_weight else []
        self.layers = list(dict.fromkeys([*([SURFACE] if surface else []), *fields, *kept]))
        self.content = {layer: maps.float() for layer, maps in encoder.features(content, kept).items()} if kept else {}
        self.targets: dict[str, Target] = {}
        self.below: Target | None = None
        self.calls = 0

    def __call__(self, image: Tensor) -> dict[str, Tensor]:
        """Return the weighted energies."""
        features = self.encoder.features(image, self.layers)
        with torch.autocast(image.device.type, enabled=False):
            if self.calls % self.rematch == 0:
                self.match(features)
            self.calls += 1
            fields = [target.energy(features[layer]) for layer, target in self.targets.items()]
            energies = {"mrf": torch.stack(fields).mean()}
            if self.below is not None:
                under = stacked(features[SURFACE].float(), pixels(next(iter(self.fields))))
                energies["surface"] = self.surface * self.below.energy(under)
            if self.content:
                kept = [relative(features[layer].float(), maps) for layer, maps in self.content.items()]
                energies["content"] = self.content_weight * torch.stack(kept).mean()
            if self.smoothness:
                energies["smoothness"] = self.smoothness * total_variation(image)
        return energies

    @torch.no_grad()
    def match(self, features: Mapping[str, Tensor]) -> None:
        """Find the nearest patches for features by layer."""
        for number, (layer, field) in enumerate(self.fields.items()):
            nnf = field.match(features[layer].float())
            self.targets[layer] = asked(nnf, [source.maps for source in field.sources], field.patch)
            if self.surface and number == 0:
                self.below = asked(nnf, [source.surface for source in field.sources], field.patch)


def relative(features: Tensor, wanted: Tensor) -> Tensor:
    """Return the squared error of features relative to the power of those wanted."""
    return (features - wanted).square().sum() / wanted.square().sum().clamp_min(TINY)


def total_variation(image: Tensor) -> Tensor:
    """Return the mean squared difference of neighbouring pixels (Mahendran and Vedaldi 2015, β = 2)."""
    down = image[..., 1:, :] - image[..., :-1, :]
    right = image[..., 1:] - image[..., :-1]
    return down.square().mean() + right.square().mean()


def pixels(layer: str) -> int:
    """Return how many pixels a position of a layer spans along either side.

    Example:
        >>> pixels("relu3_1")
        4
    """
    return 1 << (int(layer[4]) - 1)


def stacked(maps: Tensor, side: int) -> Tensor:
    """Return maps (1, C, H, W) with squares of so many positions as channels, (1, C·side², H // side, W // side)."""
    height, width = (length // side * side for length in maps.shape[-2:])
    return F.pixel_unshuffle(maps[..., :height, :width], side)


# ------------------------------------------------------------------------------------------------- the styles


def study(
    encoder: Encoder, style: Style, layers: Sequence[str], patch: int, rotations: int, scales: int, surface: bool
) -> dict[str, list[Source]]:
    """Return where patches can be taken from a style picture and its turned and scaled copies, by layer.

    Args:
        encoder: whose features they are.
        style: one picture, with guides (1, K, h, w).
        layers: shallow to deep.
        patch: side of the patches, which lie inside what may be matched.
        rotations: copies turned to either side.
        scales: copies larger, and as many smaller.
        surface: whether the first layer is to know what lies under it.
    """
    found: dict[str, list[Source]] = {layer: [] for layer in layers}
    assert style.guides is not None
    parts = torch.cat([style.image, style.guides], 1)
    for step in range(-scales, scales + 1):
        height, width = (max(8, round(side * SCALE**step)) for side in parts.shape[-2:])
        sized = resize(parts, (height, width)).clamp(0, 1)
        for turn in range(-rotations, rotations + 1):
            image, guides, inside = turned(sized, turn * ROTATION)
            features = encoder.features(image, [*([SURFACE] if surface else []), *layers])
            for layer in layers:
                maps = features[layer].float()
                size = (maps.shape[-2], maps.shape[-1])
                asks = surface and layer == layers[0]
                under = stacked(features[SURFACE].float(), pixels(layer)) if asks else maps[:, :0]
                regions = F.adaptive_avg_pool2d(guides, size)
                presence = regions.sum(1, keepdim=True) / regions.sum(1).amax().clamp_min(TINY)
                known = F.adaptive_avg_pool2d(inside, size) > 1 - 1e-6
                valid = eroded((known & (presence >= 0.5)).float(), patch)
                found[layer].append(Source(maps, under, F.normalize(regions, dim=1), valid))
    return found


def eroded(valid: Tensor, patch: int) -> Tensor:
    """Return where (1, 1, h, w) whole patches are valid; where only some of each is, `valid` itself."""
    whole = 1 - F.max_pool2d(1 - valid, patch, 1, patch // 2)
    return whole if whole.any() else valid


def turned(parts: Tensor, degrees: float) -> tuple[Tensor, Tensor, Tensor]:
    """Return a picture and its guides (1, 3 + K, h, w), turned about the middle, and where nothing is made up."""
    inside = torch.ones_like(parts[:, :1])
    if degrees:
        height, width = parts.shape[-2:]
        cos, sin = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
        matrix = parts.new_tensor([[[cos, -sin * height / width, 0], [sin * width / height, cos, 0]]])
        grid = F.affine_grid(matrix, [1, 1, height, width], align_corners=False)
        parts = F.grid_sample(parts, grid, "bicubic", "reflection", align_corners=False).clamp(0, 1)
        inside = F.grid_sample(inside, grid, "nearest", "zeros", align_corners=False)
    return parts[:, :3], parts[:, 3:], inside


def shuffled(styles: Sequence[Style], guides: Tensor, guide_weight: float, size: Size, block: int = 8) -> Tensor:
    """Return a picture (1, 3, h, w) of random blocks of the styles, each from the region that it comes to.

    Args:
        styles: each one picture, with guides (1, K, ·, ·).
        guides: (1, K, H, W), the regions of the picture.
        guide_weight: see `Field`.
        size: of the picture.
        block: side of the blocks, in pixels.
    """
    grid = (-(-size[0] // block), -(-size[1] // block))
    blocks, regions = [], []
    for style in styles:
        assert style.guides is not None
        blocks.append(stacked(style.image, block))
        regions.append(F.normalize(F.avg_pool2d(style.guides, block), dim=1))
    # The nearest of random vectors is one at random, but of those that the guides allow.
    noise = [torch.randn_like(one[:, :8]) for one in blocks]
    sought = noise[0].new_empty(1, 8, *grid).normal_()
    here = F.normalize(F.adaptive_avg_pool2d(guides, grid), dim=1)
    nnf = nearest(sought, noise, patch=1, query_guides=here, source_guides=regions, guide_weight=4 * guide_weight)
    return F.pixel_shuffle(nnf.warp(blocks), block)[..., : size[0], : size[1]]


# -------------------------------------------------------------------------------------------------- the stage


class MRF(impasto.Stylizer, name="mrf"):
    """Paint with patches of the style, chosen and joined in the features of a network (Li and Wand 2016).

    Example:
        >>> import impasto
        >>> pipe = impasto.Pipeline(MRF(encoder="slim19", steps=5))
        >>> pipe(impasto.samples.content("astronaut", 64), impasto.samples.style("mosaic", 64)).size
        (64, 64)
    """

    smallest: ClassVar[int] = 16
    regional: ClassVar[bool] = True
    demo: ClassVar[Mapping[str, Any]] = {"steps": 40}
    known_weights: ClassVar[tuple[Weights, ...]] = tuple(PRETRAINED.values())

    encoder: str = impasto.param(
        reads=True,
        default="slim19-half",
        help="network that looks: slim19 (fastest), slim19-half, vgg19, or a checkpoint's path",
    )
    layers: tuple[str, ...] = impasto.param(
        default=("relu3_1", "relu4_1"), help="where patches are matched; deeper ones hold larger forms"
    )
    patch: int = impasto.param(default=3, low=1, high=9, help="side of the patches in positions of a layer, odd")
    content_weight: float = impasto.param(
        default=0.6,
        low=0,
        help="how much the content's forms are kept, four times as much at each coarser level; 0 keeps none",
    )
    content_layers: tuple[str, ...] = impasto.param(default=("relu4_1",), help="where the content is compared")
    surface: float = impasto.param(
        default=0.6, low=0, help="how much pixels follow those under the matched patches: colours and strokes"
    )
    smoothness: float = impasto.param(default=2.0, low=0, help="weight of the total variation, which takes away grain")
    guide_weight: float = impasto.param(
        default=1.0,
        low=0,
        high=100,
        help="what the same region adds to the correlation of two patches, which is 1 at most",
    )
    rotations: int = impasto.param(
        default=0, low=0, high=12, help="copies of the style turned to either side, by 7.5° each"
    )
    scales: int = impasto.param(default=0, low=0, high=12, help="copies of the style larger and smaller, by 5 % each")
    style_scale: float = impasto.param(
        default=1.0, low=0.1, high=4, help="size of the style's strokes: its area relative to the picture's"
    )
    init: str = impasto.param(
        default="content",
        choices=("content", "patches", "noise"),
        help="start from the content, from random patches of the style (for textures and doodles), or from noise",
    )
    levels: int = impasto.param(default=3, low=1, high=8, help="sizes to paint at, each half the next one")
    steps: int = impasto.param(default=100, low=1, help="optimisation steps at each level")
    rematch: int = impasto.param(default=10, low=1, help="steps after which the nearest patches are sought anew")
    optimiser: str = impasto.param(default="l-bfgs", choices=("l-bfgs", "adam"), help="l-bfgs, or adam")
    learning_rate: float = impasto.param(
        default=0.02, low=1e-4, high=1, help="of Adam, as a share of a pixel's range; l-bfgs finds its own"
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.patch % 2 == 0:
            raise ParameterError(
                f"mrf: patch = {self.patch} has no middle\n  what would work: an odd number, such as 3 or 5"
            )
        if not self.layers or (self.content_weight and not self.content_layers):
            what = "content_layers" if self.layers else "layers"
            raise ParameterError(
                f"mrf: {what} = () leaves nothing to compare\n  what would work: {what}=('relu4_1',)"
                + ("" if what == "layers" else ", or content_weight=0")
            )

    def weights(self) -> tuple[Weights, ...]:
        """Return the record of the encoder, unless it is a file or another plugin's."""
        return records(self.encoder)

    def stylize(self, content: Tensor, styles: Sequence[Style], guides: Tensor | None) -> Tensor:
        """Paint each picture of the batch by itself."""
        encoder = impasto.encoder(self.encoder, calibrated=True, device=content.device)
        size = (content.shape[-2], content.shape[-1])
        sizes = halved(size, self.levels, self.smallest)
        chosen = weighted(styles)
        total = len(content) * len(sizes) * self.steps
        finished: list[Tensor] = []

        def paint(index: int) -> Tensor:
            picture = one(content, index)
            regions = content.new_ones(1, 1, *size) if guides is None else one(guides, index)
            alone = [alone_of(style, index, regions.shape[1]) for style in chosen]
            shares = content.new_tensor(
                [[style.weight * covers(style, region) for region in range(regions.shape[1])] for style in alone]
            )

            def energy_at(level: Size) -> Energy:
                return self.energy(encoder, picture, alone, shares, regions, level, coarser=size[0] / level[0])

            def after(run: Descent, losses: dict[str, Tensor]) -> None:
                step = (len(finished) * len(sizes) + run.level) * self.steps + run.step
                shown = run.average.value
                if len(content) > 1:
                    shown = torch.cat([*finished, resize(shown, size).clamp(0, 1), content[index + 1 :]])
                self.report(step, total, shown, losses)

            start = self.start(picture, alone, regions, sizes[0])
            return descend(Descent(start, self._optimiser(), Average(0.0, start)), sizes, self.steps, energy_at, after)

        while len(finished) < len(content):
            finished.append(paint(len(finished)))
        return torch.cat(finished)

    def energy(
        self,
        encoder: Encoder,
        content: Tensor,
        styles: Sequence[Style],
        shares: Tensor,
        guides: Tensor,
        size: Size,
        coarser: float = 1.0,
    ) -> Energy:
        """Return what is minimised at one level.

        Args:
            encoder: whose features are compared.
            content: (1, 3, H, W).
            styles: each one picture, with guides (1, K, ·, ·).
            shares: (S, K), see `Field`.
            guides: (1, K, H, W).
            size: of the level.
            coarser: how much shorter its sides are than the finest level's.
        """
        # Order does not matter to the sum, but the surface lies under the shallowest layer.
        layers = sorted(self.layers, key=lambda layer: layer[4:])
        copies = (self.patch, self.rotations, self.scales)
        found = [
            study(encoder, scaled(style, size, self.style_scale), layers, *copies, self.surface > 0) for style in styles
        ]
        small = resize(content, size).clamp(0, 1)
        fields = {}
        for layer in layers:
            at = (size[0] // pixels(layer), size[1] // pixels(layer))
            regions = F.normalize(F.adaptive_avg_pool2d(guides, at), dim=1)
            fields[layer] = Field([one[layer] for one in found], shares, regions, self.guide_weight, self.patch)
        return Energy(
            encoder,
            fields,
            small,
            # As published: the content is a mean over positions, the field a sum, so that forms are found while the
            # picture is small, and then painted.
            content_weight=self.content_weight * coarser**2,
            content_layers=self.content_layers,
            surface=self.surface,
            smoothness=self.smoothness,
            rematch=self.rematch,
        )

    def start(self, content: Tensor, styles: Sequence[Style], guides: Tensor, size: Size) -> Tensor:
        """Return the picture (1, 3, h, w) that the coarsest level starts from."""
        if self.init == "patches":
            sized = [scaled(style, size, self.style_scale) for style in styles]
            return shuffled(sized, resize(guides, size).clamp(0, 1), self.guide_weight, size)
        small = resize(content, size).clamp(0, 1)
        return torch.rand_like(small) if self.init == "noise" else small

    def _optimiser(self) -> Optimiser:
        return Adam(self.learning_rate) if self.optimiser == "adam" else LBFGS()


def halved(size: Size, levels: int, smallest: int) -> list[Size]:
    """Return sizes from coarse to fine, each half the next, of which the shorter side is never below `smallest`.

    Example:
        >>> halved((288, 384), 3, 16)
        [(72, 96), (144, 192), (288, 384)]
    """
    sizes = [(round(size[0] / 2**level), round(size[1] / 2**level)) for level in range(levels)]
    return [one for one in reversed(sizes) if min(one) >= min(smallest, *size)]


def weighted(styles: Sequence[Style]) -> list[Style]:
    """Return the styles that have a weight.

    Raises:
        StageError: a weight below 0, or none above.
    """
    if any(style.weight < 0 for style in styles) or not any(style.weight for style in styles):
        given = ", ".join(f"{style.weight:g}" for style in styles)
        raise StageError(
            f"mrf: the weights of the styles are {given}, but they are the shares of the picture that each paints\n"
            "  what would work: weights of 0 or more, not all 0, such as impasto.Style(picture, weight=1)"
        )
    return [style for style in styles if style.weight]


def one(images: Tensor, index: int) -> Tensor:
    """Return the picture of a batch that goes with another batch's; a single one goes with all."""
    return images[index : index + 1] if len(images) > 1 else images


def alone_of(style: Style, index: int, regions: int) -> Style:
    """Return the style of one picture of a batch, with guides: where it has none, all of it covers each region."""
    image = one(style.image, index)
    guides = image.new_ones(1, regions, *image.shape[-2:]) if style.guides is None else one(style.guides, index)
    return Style(image, style.weight, guides)


def scaled(style: Style, size: Size, scale: float) -> Style:
    """Return a style shrunk until it has the area of a picture of `size` times the square of `scale`.

    It is never enlarged, for its patches would be blurred.
    """
    height, width = style.image.shape[-2:]
    ratio = scale * (size[0] * size[1] / (height * width)) ** 0.5
    ratio = min(1.0, max(ratio, MRF.smallest / min(height, width)))
    smaller = (round(height * ratio), round(width * ratio))
    assert style.guides is not None
    return Style(resize(style.image, smaller).clamp(0, 1), style.weight, resize(style.guides, smaller).clamp(0, 1))
