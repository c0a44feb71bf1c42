"""Style transfer by optimisation: Gatys, Ecker and Bethge's method and the family that grew from it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar, Literal, NamedTuple

import torch
from torch import Tensor

import impasto
from impasto import Encoder, ParameterError, StageError, Style, Weights
from impasto.functional import statistics
from impasto.functional.losses import STATISTICS, Statistic, content_loss, mixed, total_variation
from impasto.networks import SLIM19, SLIM19_HALF, VGG19
from impasto.optim import LBFGS, Adam, Average, Descent, Optimiser, Size, descend, pyramid, resize
from impasto.stage import bounding_box, covers

from .checkpoint import EVERY, Checkpoint, fingerprint
from .memory import check_memory
from .objective import Objective, Term, content_terms, smoothness_terms, style_terms

__all__ = [
    "LBFGS",
    "SHARES",
    "STATISTICS",
    "Adam",
    "Gatys",
    "Objective",
    "Reconstruct",
    "Statistic",
    "Term",
    "Texture",
    "content_loss",
    "descend",
    "pyramid",
    "total_variation",
]

FIRSTS = ("relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_1")
"""The first layer of each block, where Gatys et al. measure style."""

SHARES = {"slim19": (1.0, 1.0, 2.0, 2.0, 0.3), "slim19-half": (1.0, 1.0, 2.0, 2.0, 0.3)}
"""Shares of those layers that suit an encoder.  The thin ones know VGG-19's relu5_1 least: trusting it less lowers
the Gram error under VGG-19 by a seventh at equal content.  For VGG-19 itself all count alike."""

RECORDS = {"slim19": SLIM19, "slim19-half": SLIM19_HALF, "vgg19": VGG19}


class Optimisation(impasto.Stylizer):
    """Paint by moving the pixels of a picture down a loss; what the loss is made of, a subclass says."""

    smallest: ClassVar[int] = 16
    regional: ClassVar[bool] = True
    calibrated: ClassVar[bool] = True
    known_weights: ClassVar[tuple[Weights, ...]] = (SLIM19, SLIM19_HALF, VGG19)

    encoder: str = impasto.param(
        default="slim19-half",
        help="network that looks: slim19 (fastest), slim19-half, vgg19 (finest), or a checkpoint's path",
    )
    pooling: Literal["max", "average"] = impasto.param(
        default="max", choices=("max", "average"), help="of the encoder; average is smoother, for vgg19"
    )
    steps: int = impasto.param(default=50, low=1, help="optimisation steps at each level of the pyramid")
    coarsest: int = impasto.param(
        default=128,
        low=16,
        help="longer side in pixels to begin at, growing by √2 a level; as large as the picture: one level",
    )
    optimiser: str = impasto.param(
        default="l-bfgs", choices=("l-bfgs", "adam"), help="l-bfgs, or adam, which needs less memory"
    )
    learning_rate: float = impasto.param(
        default=0.03,
        low=1e-4,
        high=1,
        help="of Adam, as a share of a pixel's range; l-bfgs finds its own",
    )
    average: float = impasto.param(
        default=0.8,
        low=0,
        high=0.999,
        help="decay of the average over steps that is the picture; 0: the last step",
    )
    smoothness: float = impasto.param(
        default=2.0, low=0, help="weight of the total variation, which takes away grain and then detail"
    )
    init: str = impasto.param(
        default="recolored",
        choices=("recolored", "content", "noise", "style-noise", "grey", "file"),
        help="start: the content in the style's colours, the content, noise, noise in those colours, …",
    )
    init_file: str = impasto.param(default="", help="picture to start from with init='file'")
    checkpoint: str = impasto.param(
        default="", writes=True, help="file to keep a long run in and to go on from after a stop; empty keeps none"
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if (self.init == "file") != bool(self.init_file):
            raise ParameterError(
                f"{self.name}: init = {self.init!r} and init_file = {self.init_file!r} do not go together\n"
                "  what to type: init='file', init_file='start.png'"
            )

    def weights(self) -> tuple[Weights, ...]:
        """Return the record of the encoder, unless it is a file or another plugin's."""
        return (RECORDS[self.encoder],) if self.encoder in RECORDS else ()

    def layers(self) -> tuple[str, ...]:
        """Return the layers the loss looks at."""
        raise NotImplementedError

    def terms(self, encoder: Encoder, content: Tensor, styles: Sequence[Style], guides: Tensor | None) -> list[Term]:
        """Return what is minimised at one level; the content and the guides have its size."""
        raise NotImplementedError

    def stylize(self, content: Tensor, styles: Sequence[Style], guides: Tensor | None) -> Tensor:
        """Paint each region of each picture by itself, so that none depends on its neighbours."""
        device = content.device
        encoder = impasto.encoder(self.encoder, pooling=self.pooling, calibrated=self.calibrated, device=device)
        pieces = cut(content, styles, guides, self.context, self.smallest)
        pyramids = [pyramid(*piece.size, self.coarsest) for piece in pieces]
        largest = max((sizes[-1] for sizes in pyramids), key=lambda size: size[0] * size[1])
        check_memory(self.name, encoder, self.layers(), largest, device, self.optimiser)
        recipe = repr(replace(self, checkpoint=""))
        parts = [part for style in styles for part in (style.image, style.guides)]
        weights = [style.weight for style in styles]
        checkpoint = Checkpoint(self.checkpoint, recipe, fingerprint(f"{recipe} {weights}", content, guides, *parts))
        saved = checkpoint.load() or {"finished": [], "run": None}
        finished = [image.to(device) for image in saved["finished"]]
        total = sum(map(len, pyramids)) * self.steps

        def paint(number: int) -> Tensor:
            piece, sizes = pieces[number], pyramids[number]
            picture = piece.of(content)
            regions, own = surrounded(piece.region, piece.styles)
            before = sum(map(len, pyramids[:number])) * self.steps

            def objective_at(size: Size) -> Objective:
                small = None if regions is None else resize(regions, size).clamp(0, 1)
                return Objective(encoder, self.terms(encoder, resize(picture, size).clamp(0, 1), own, small))

            def after(run: Descent, losses: dict[str, Tensor]) -> None:
                step = before + run.level * self.steps + run.step
                shown = run.average.value
                if len(pieces) > 1:
                    shown = joined(content, pieces, [*finished, resize(shown, sizes[-1])])
                self.report(step, total, shown, losses)
                if step % EVERY == 0:
                    checkpoint.save({"finished": finished, "run": run.state()})

            start = self.start(picture, own, regions, sizes[0])
            run = Descent(start, self._optimiser(), Average(self.average, start))
            if saved["run"] is not None:
                run.restore(saved.pop("run"))
                saved["run"] = None
            try:
                return descend(run, sizes, self.steps, objective_at, after)
            except KeyboardInterrupt:
                if run.whole:
                    checkpoint.save({"finished": finished, "run": run.state()})
                raise

        while len(finished) < len(pieces):
            finished.append(paint(len(finished)))
        checkpoint.done()
        return joined(content, pieces, finished)

    def _optimiser(self) -> Optimiser:
        return Adam(self.learning_rate) if self.optimiser == "adam" else LBFGS()

    def start(self, content: Tensor, styles: Sequence[Style], guides: Tensor | None, size: Size) -> Tensor:
        """Return the picture (1, 3, h, w) that the optimisation starts from, at the coarsest size."""
        image = resize(content, size).clamp(0, 1)
        if self.init == "noise":
            return torch.rand_like(image)
        if self.init == "grey":
            return torch.full_like(image, 0.5)
        if self.init == "file":
            return resize(self._file(content), size).clamp(0, 1)
        if self.init == "content":
            return image
        if self.init == "style-noise":
            image = torch.randn_like(image)
        regions = None if guides is None else resize(guides, size).clamp(0, 1)
        return recolored(image, styles, regions).clamp(0, 1)

    def _file(self, content: Tensor) -> Tensor:
        image = impasto.read(self.init_file).tensor.to(content.device)
        height, width = content.shape[-2:]
        if abs(image.shape[-1] / image.shape[-2] / (width / height) - 1) > 0.02:
            raise StageError(
                f"{self.name}: init_file {self.init_file} is {image.shape[-2]}×{image.shape[-1]} and the"
                f" content {height}×{width}, another shape\n"
                "  what would work: a picture of the content's proportions"
            )
        return image


class Piece(NamedTuple):
    """What is painted by itself: a region of one picture, and as much around it as counts."""

    picture: int
    rows: slice
    columns: slice
    region: Tensor | None
    styles: list[Style]

    def of(self, images: Tensor) -> Tensor:
        """Return this piece (1, C, h, w) of pictures (B, C, H, W)."""
        return images[self.picture : self.picture + 1, :, self.rows, self.columns]

    @property
    def size(self) -> Size:
        """Height and width."""
        return self.rows.stop - self.rows.start, self.columns.stop - self.columns.start


def cut(content: Tensor, styles: Sequence[Style], guides: Tensor | None, context: int, smallest: int) -> list[Piece]:
    """Return the pieces that a batch is painted in.

    Each region by itself: where two regions with different styles are optimised together, either makes up
    for what the other puts into its surroundings, and the border is dotted with garish colours.

    Args:
        content: (B, 3, H, W).
        styles: their guides have the same K as `guides`.
        guides: (1 or B, K, H, W), or None for one piece a picture.
        context: pixels to take in around a region.
        smallest: pixels that a side of a piece has at least.
    """
    pieces = []
    for index in range(len(content)):
        alone = [Style(one(style.image, index), style.weight, nth(style.guides, index)) for style in styles]
        if guides is None:
            pieces.append(Piece(index, slice(0, content.shape[-2]), slice(0, content.shape[-1]), None, alone))
            continue
        for number, region in enumerate(one(guides, index).chunk(guides.shape[1], dim=1)):
            if not region.any():
                continue
            rows, columns = bounding_box(region, context, smallest)
            own = [
                style
                if style.guides is None
                else Style(style.image, style.weight, style.guides[:, number : number + 1])
                for style in alone
                if covers(style, number)
            ]
            pieces.append(Piece(index, rows, columns, region[..., rows, columns], own))
    return pieces


def joined(content: Tensor, pieces: Sequence[Piece], painted: Sequence[Tensor]) -> Tensor:
    """Return pictures (B, 3, H, W) made of the pieces painted so far, each counting where its region is."""
    total, share = torch.zeros_like(content), torch.zeros_like(content[:, :1])
    for piece, image in zip(pieces, painted, strict=False):
        region = torch.ones_like(image[:, :1]) if piece.region is None else piece.region
        piece.of(total).add_(image * region)
        piece.of(share).add_(region)
    return torch.where(share > 0, total / share.clamp_min(torch.finfo(share.dtype).tiny), content)


def one(images: Tensor, index: int) -> Tensor:
    """Return the picture of a batch that goes with another batch's; a single one goes with all."""
    return images[index : index + 1] if len(images) > 1 else images


def nth(maps: Tensor | None, index: int) -> Tensor | None:
    """Return `one`, or None."""
    return None if maps is None else one(maps, index)


SURROUNDINGS = 0.25
"""How much a position outside a region counts in its statistics, one inside counting 1."""


def surrounded(region: Tensor | None, styles: Sequence[Style]) -> tuple[Tensor | None, list[Style]]:
    """Return a region and what is around it, painted in the same styles though nobody will see it.

    A network looks far across the border of a region.  If it saw a photograph there, the optimiser would make
    up for it inside, with garish dots; so it sees a painting.  A small region seldom has a place for everything
    that a style has, and forcing it all in gives the same dots; so that painting counts a little as well.

    Args:
        region: (1, 1, H, W), or None for everywhere.
        styles: their guides have one map.

    Returns:
        Guides (1, 2, H, W) that sum to 1, and styles with guides to match.
    """
    if region is None:
        return None, list(styles)
    rest = 1 - region
    both = [
        style if style.guides is None else Style(style.image, style.weight, style.guides.expand(-1, 2, -1, -1))
        for style in styles
    ]
    return torch.cat([region + SURROUNDINGS * rest, (1 - SURROUNDINGS) * rest], dim=1), both


def recolored(image: Tensor, styles: Sequence[Style], guides: Tensor | None) -> Tensor:
    """Return a picture with the mean and covariance of the styles' colours, by the nearest linear map.

    Args:
        image: (1, 3, h, w).
        styles: their guides have the same K as `guides`.
        guides: (1, K, h, w), regions that each take the colours of their own styles; None: one region.
    """
    result = image
    for region, area in enumerate((None,) if guides is None else guides.chunk(guides.shape[1], dim=1)):
        if area is not None and not area.any():
            continue
        own = [style for style in styles if covers(style, region)]
        parts = [None if style.guides is None else style.guides[:, region : region + 1] for style in own]
        colors = [statistics.covariance(style.image, part) for style, part in zip(own, parts, strict=True)]
        mean, covariance = mixed(colors, [style.weight for style in own])
        own_mean, spread = statistics.covariance(image, area)
        moved = (statistics.transport(spread, covariance) @ (image - own_mean).flatten(2)).view_as(image) + mean
        result = moved if area is None else result + area * (moved - image)
    return result


class Styled(Optimisation):
    """An optimisation whose style is a statistic of features, layer by layer."""

    statistic: str = impasto.param(
        default="wasserstein2", choices=tuple(STATISTICS), help="what of the style's features is imitated"
    )
    style_layers: tuple[str, ...] = impasto.param(
        default=FIRSTS, help="where style is measured; deeper layers hold larger forms"
    )
    style_layer_weights: tuple[float, ...] = impasto.param(
        default=(), low=0, help="share of each style layer, in order; empty takes what suits the encoder"
    )
    style_scale: float = impasto.param(
        default=1.0, low=0.1, high=4, help="size of the style's strokes: its area relative to the picture's"
    )
    histogram_weight: float = impasto.param(
        default=0.0,
        low=0,
        help="weight of the histogram loss, which steadies contrast, on top",
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        layers, weights = self.style_layers, self.style_layer_weights
        if not layers or (weights and (len(weights) != len(layers) or not sum(weights))):
            raise ParameterError(
                f"{self.name}: style_layers = {layers!r} and style_layer_weights = {weights!r} do not go"
                " together\n  what would work: as many weights as layers, not all 0; or () for equal ones"
            )

    def style_terms(self, encoder: Encoder, size: Size, styles: Sequence[Style], guides: Tensor | None) -> list[Term]:
        """Return the terms that imitate the styles in a picture of `size`."""
        suited = SHARES.get(self.encoder) if self.style_layers == FIRSTS else None
        shares = self.style_layer_weights or suited or (1.0,) * len(self.style_layers)
        layers = {layer: share / sum(shares) for layer, share in zip(self.style_layers, shares, strict=True) if share}
        return style_terms(
            encoder,
            [self.scaled(style, size) for style in styles],
            guides,
            layers,
            statistic=self.statistic,
            histogram_weight=self.histogram_weight,
        )

    def scaled(self, style: Style, size: Size) -> Style:
        """Return a style shrunk until it has the picture's area times the square of `style_scale`.

        A style is never enlarged: that would teach its blur.
        """
        height, width = style.image.shape[-2:]
        scale = self.style_scale * (size[0] * size[1] / (height * width)) ** 0.5
        scale = min(1.0, max(scale, self.smallest / min(height, width)))
        smaller = (round(height * scale), round(width * scale))
        guides = None if style.guides is None else resize(style.guides, smaller).clamp(0, 1)
        return Style(resize(style.image, smaller).clamp(0, 1), style.weight, guides)


class Gatys(Styled, name="gatys"):
    """Paint the content in the manner of the style by optimising the picture itself (Gatys et al. 2016)."""

    demo: ClassVar[Mapping[str, Any]] = {"steps": 40}

    content_weight: float = impasto.param(
        default=0.06, low=0, help="how much the content is kept; the style's weight is 1"
    )
    content_layers: tuple[str, ...] = impasto.param(
        default=("relu4_1",), help="where content is compared; deeper layers allow more freedom"
    )

    def layers(self) -> tuple[str, ...]:
        """Return the layers of content and style."""
        content = self.content_layers if self.content_weight else ()
        return tuple(dict.fromkeys((*content, *self.style_layers)))

    def terms(self, encoder: Encoder, content: Tensor, styles: Sequence[Style], guides: Tensor | None) -> list[Term]:
        """Return content, style and smoothness."""
        size = (content.shape[-2], content.shape[-1])
        return [
            *content_terms(encoder, content, self.content_layers, self.content_weight),
            *self.style_terms(encoder, size, styles, guides),
            *smoothness_terms(self.smoothness),
        ]


class Texture(Styled, name="texture"):
    """Paint a texture in the manner of the style, as large as the content, which is otherwise ignored."""

    demo: ClassVar[Mapping[str, Any]] = {"steps": 40}

    init: str = impasto.param(
        default="style-noise",
        choices=("style-noise", "noise", "grey", "file"),
        help="start from noise in the style's colours, plain noise, grey, or init_file",
    )

    def layers(self) -> tuple[str, ...]:
        """Return the layers of the style."""
        return self.style_layers

    def terms(self, encoder: Encoder, content: Tensor, styles: Sequence[Style], guides: Tensor | None) -> list[Term]:
        """Return style and smoothness (Gatys, Ecker and Bethge 2015, "Texture synthesis using CNNs")."""
        size = (content.shape[-2], content.shape[-1])
        return [*self.style_terms(encoder, size, styles, guides), *smoothness_terms(self.smoothness)]


class Reconstruct(Optimisation, name="reconstruct"):
    """Paint the picture anew from what one layer of the encoder keeps of it, to show what that is."""

    demo: ClassVar[Mapping[str, Any]] = {"layer": "relu3_1", "encoder": "slim19", "steps": 40}
    style = "ignored"
    calibrated: ClassVar[bool] = False

    init: str = impasto.param(
        default="noise", choices=("noise", "grey", "file"), help="start from noise, grey, or init_file"
    )
    smoothness: float = impasto.param(
        default=0.1, low=0, help="weight of the total variation, which takes away grain and then detail"
    )
    what: str = impasto.param(
        default="content",
        choices=("content", "style"),
        help="content: its features; style: Gram matrices of the first layer of each block up to it",
    )
    layer: str = impasto.param(default="relu4_1", help="layer of the encoder, relu1_1 to relu5_1 (vgg19: relu5_4)")

    def layers(self) -> tuple[str, ...]:
        """Return the layer; for style also the first of each block before it, as in figure 1 of the paper."""
        if self.what == "content":
            return (self.layer,)
        return tuple(dict.fromkeys((*(first for first in FIRSTS if first[4:] < self.layer[4:]), self.layer)))

    def terms(self, encoder: Encoder, content: Tensor, styles: Sequence[Style], guides: Tensor | None) -> list[Term]:
        """Return the one term and smoothness."""
        if self.what == "content":
            kept = content_terms(encoder, content, self.layers(), 1.0)
        else:
            layers = self.layers()
            kept = style_terms(encoder, [Style(content)], None, dict.fromkeys(layers, 1 / len(layers)))
        return [*kept, *smoothness_terms(self.smoothness)]


@impasto.hookimpl
def impasto_stylizers() -> list[type[impasto.Stylizer]]:
    """Offer the stages of this plugin."""
    return [Gatys, Texture, Reconstruct]
