"""The stage that takes a mask, or regions with names, from a picture file."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import NoReturn

import numpy as np
import torch
from scipy import ndimage  # type: ignore[import-untyped]
from torch import Tensor

from impasto import Canvas, ParameterError, PictureError, Preprocessor, StageError, param
from impasto.errors import suggestion
from impasto.functional.resizing import size_text
from impasto.picture import mask_values

from .label_picture import (
    FEW_LABELS,
    REST,
    UNKNOWN,
    VOID,
    Colour,
    LabelFile,
    LabelValue,
    Numbers,
    channel_difference,
    classify,
    describe_colours,
    flat_colours,
    hex_code,
    open_labels,
    parse_label_value,
    resize_maps,
    same_aspect,
    unpack,
)
from .tools import with_mask

__all__ = ["MaskFile"]


class MaskFile(Preprocessor, name="mask-file"):
    """Take the mask, or regions with names, from a picture file: grey, alpha, or a colour for each label."""

    prepares = ("mask", "guides", "styles")

    path: str = param(reads=True, help="the mask or label picture, drawn over the content; any scale of its size")
    styles: tuple[str, ...] = param(
        reads=True, default=(), help="label pictures of the style pictures, in their order; '' for a style without one"
    )
    labels: tuple[str, ...] = param(
        default=(),
        help="what colours mean: 'sky=#0000ff', 'sun=yellow', 'sea=3' by number in a palette or grey level,"
        " 'rest=*' for all others",
    )
    paint: tuple[str, ...] = param(default=(), help="labels to paint, which become the mask; none given paints all")
    use: str = param(
        default="auto",
        choices=("auto", "grey", "alpha", "labels"),
        help="what to read; auto takes labels if they are asked for, else alpha, else grey, else colours as labels",
    )
    tolerance: float = param(
        default=0.05,
        low=0,
        high=1,
        help="largest difference in red, green or blue (of 1) at which a colour is still a label's, against JPEG noise",
    )
    pair: bool = param(
        default=True,
        help="expect the same labels in content and styles; false leaves the pairing to match-regions",
    )

    def check(self) -> None:
        """Refuse what does not go together."""
        super().check()
        names = self._label_values()
        if self.use in ("grey", "alpha") and (self.labels or self.paint or self.styles):
            raise ParameterError(
                f"{self.name}: use = {self.use!r} reads a mask without labels, but labels are asked for\n"
                "  what would work: use='labels', or neither labels, paint nor styles"
            )
        for label in self.paint:
            if names and label not in names:
                raise ParameterError(
                    f"{self.name}: paint names {label!r}, which labels does not"
                    f"\n  labels: {', '.join(names)}{suggestion(label, names)}"
                )

    def _label_values(self) -> Mapping[str, LabelValue]:
        """Return the colour or number of each label, by name."""
        named: dict[str, LabelValue] = {}
        for entry in self.labels:
            label, _, said = (part.strip() for part in entry.rpartition("="))
            value = parse_label_value(said)
            if not label or value is None:
                raise ParameterError(
                    f"{self.name}: the label {entry!r} does not say what colour it has\n"
                    "  what would work: 'sky=#0000ff' or 'sky=blue', 'sky=3' for number 3 of a palette or grey level 3,"
                    " 'rest=*' for all other colours"
                )
            if label in named or value in named.values():
                raise ParameterError(
                    f"{self.name}: the label {entry!r} has the name or the colour of another one\n"
                    f"  labels: {', '.join(self.labels)}\n  what would work: different names and colours"
                )
            named[label] = value
        return named

    # ------------------------------------------------------------------------------------------------ the canvas

    def prepare(self, canvas: Canvas) -> Canvas:
        """Return the canvas with the file's mask, or with its regions as guides."""
        file = self._open(self.path, canvas.image, "content")
        use = self.use
        if use == "auto":
            asked = self.labels or self.paint or self.styles
            use = "labels" if asked else "alpha" if file.has_transparency else "grey" if file.is_grey else "labels"
        if use == "labels":
            return self._regions(canvas, file)
        try:
            values = mask_values(file.picture, f"'{self.path}'", "alpha" if use == "alpha" else "grey")
        except PictureError as error:
            found, hint, _ = str(error).partition("\n  what to type: ")
            remedy = f"{hint}use='labels', which takes each value for a region" if hint else ""
            raise StageError(f"{self.name}: {found}{remedy}") from error
        mask = resize_maps(values.to(canvas.image), (canvas.image.shape[-2], canvas.image.shape[-1]), "smooth")
        return with_mask(self, canvas, mask, f"'{self.path}'")

    def _open(self, path: str, picture: Tensor, what: str) -> LabelFile:
        try:
            file = open_labels(path)
        except (OSError, PictureError) as error:
            raise StageError(f"{self.name}, for the {what}: {error}") from error
        found, wanted = file.picture.size, (picture.shape[-2], picture.shape[-1])
        if not same_aspect(found, wanted):
            turned = "; turned by 90° it would fit" if same_aspect(found[::-1], wanted) else ""
            raise StageError(
                f"{self.name}: '{path}' is {size_text(found)} pixels and the {what} {size_text(wanted)},"
                f" of another aspect ({found[1] / found[0]:.3g} and {wanted[1] / wanted[0]:.3g}){turned}\n"
                f"  what would work: a picture drawn over the {what} itself, at any scale of {size_text(wanted)}"
            )
        # Twice as fine as the picture is fine enough, and a scan's millions of pixels take seconds.
        step = max(1, found[0] // (2 * wanted[0]))
        thin = (..., slice(step // 2, None, step), slice(step // 2, None, step))
        alpha = None if file.alpha is None else file.alpha[thin]
        return replace(file, picture=file.picture.replace(tensor=file.picture.tensor[thin], alpha=alpha))

    def _regions(self, canvas: Canvas, file: LabelFile) -> Canvas:
        if self.styles and len(self.styles) != len(canvas.styles):
            raise StageError(
                f"{self.name}: {len(self.styles)} label pictures for styles ({', '.join(map(repr, self.styles))})"
                f" and {len(canvas.styles)} style pictures\n"
                "  what would work: one path for each style, in their order, '' for a style without one"
            )
        palette: dict[str, Colour] = {}
        read = [(file, self._read(file, palette), canvas.image)]
        paths = self.styles or ("",) * len(canvas.styles)
        for path, style in zip(paths, canvas.styles, strict=True):
            if path:
                opened = self._open(path, style.image, "style")
                read.append((opened, self._read(opened, palette), style.image))
        names = tuple(palette)
        self._warn_of_absent_labels(names, [found for _, found, _ in read])
        laid = iter([self._resize_labels(*one, names) for one in read])
        content = next(laid)
        indices = [next(laid) if path else None for path in paths]
        here = present_labels(content, names)
        there = [None if index is None else present_labels(index, names) for index in indices]
        painted = self._painted_labels(here, there)
        guides, mask = partition(content, [names.index(label) for label in painted])
        styles = []
        for style, index, labels in zip(canvas.styles, indices, there, strict=True):
            if index is None or labels is None:
                styles.append(style)
                continue
            kept = painted if self.pair else labels
            one_hot = torch.stack([index == names.index(label) for label in kept])[None]
            styles.append(style.replace(guides=one_hot.to(style.image), labels=kept))
        prepared = canvas.replace(guides=guides.to(canvas.image), labels=painted, styles=tuple(styles))
        if mask.all():
            return prepared
        return with_mask(self, prepared, mask.to(canvas.image), f"'{self.path}' ({', '.join(map(repr, painted))})")

    def _read(self, file: LabelFile, palette: dict[str, Colour]) -> Numbers:
        """Return a file's labels (h, w), as places in `palette`, to which new labels are added."""
        colours, named = file.colours, self._label_values()
        opaque = np.ones(colours.shape, bool) if file.alpha is None else (file.alpha[0, 0] >= 0.5).cpu().numpy()
        by_number = file.single and not file.lossy and not any(isinstance(value, tuple) for value in named.values())
        tolerance = 0.0 if by_number else self.tolerance  # neighbouring numbers are different labels
        known = {label: self._colour_of(file, label, value) for label, value in named.items() if value != REST}
        if not named:
            known = dict(palette)
            # Without areas, in a picture too small or too thin for them, every colour is a label.
            found = flat_colours(colours, opaque, tolerance) or list(map(unpack, np.unique(colours[opaque]).tolist()))
            for colour in found:
                if all(channel_difference(colour, other) > 255 * tolerance for other in known.values()):
                    name = file.name_of(colour)
                    known[hex_code(colour) if name in known else name] = colour
            if len(known) > FEW_LABELS:
                self._refuse(file, f"has more than {FEW_LABELS} flat colours")
        rest = next((label for label, value in named.items() if value == REST), None)
        for label in named or known:
            palette.setdefault(label, known.get(label, (0, 0, 0)))
        places = list(palette)
        labels = classify(colours, opaque, list(known.values()), tolerance)
        strange = labels == UNKNOWN
        if strange.any() and rest is None:
            self._refuse_colours(file, colours[strange], known if named else {})
        # The last two entries answer to UNKNOWN and VOID.
        order = np.asarray([*map(places.index, known), VOID if rest is None else places.index(rest), VOID])
        return np.asarray(order[labels])

    def _resize_labels(self, file: LabelFile, found: Numbers, picture: Tensor, names: Sequence[str]) -> Tensor:
        """Return a file's labels resized to lie over a picture, (H, W)."""
        size = (picture.shape[-2], picture.shape[-1])
        over = resize_maps(torch.from_numpy(found)[None, None].float(), size, "nearest")[0, 0].long()
        lost = [label for place, label in enumerate(names) if (found == place).any() and not (over == place).any()]
        if lost:
            warnings.warn(
                f"{self.name}: {', '.join(map(repr, lost))} of '{file.path}' vanishes when it is resized to"
                f" {size_text(size)} pixels\n"
                "  what would work: a larger picture, or larger areas of the label",
                stacklevel=2,
            )
        return over

    def _colour_of(self, file: LabelFile, label: str, value: LabelValue) -> Colour:
        if isinstance(value, tuple):
            return value
        colour = file.colour_of(int(value))
        if colour is None:
            found = f"a palette of {len(file.palette)} colours" if file.palette else "colours, not numbers up to there"
            raise StageError(
                f"{self.name}: the label {label!r} is number {value}, but '{file.path}' has {found}\n"
                f"  found: {describe_colours(file, file.colours)}\n  what would work: a colour, such as {label}=#0000ff"
            )
        return colour

    def _refuse_colours(self, file: LabelFile, strange: Numbers, known: Mapping[str, Colour]) -> None:
        share = f"{100 * strange.size / file.colours.size:.3g} %"
        if not known:
            self._refuse(file, f"has no flat colour in {share} of it")
        values, counts = np.unique(strange, return_counts=True)
        commonest = file.name_of(unpack(int(values[counts.argmax()])))
        raise StageError(
            f"{self.name}: {share} of '{file.path}' has colours that no label names\n"
            f"  found there: {describe_colours(file, strange)}\n"
            f"  labels: {', '.join(f'{label}={file.name_of(colour)}' for label, colour in known.items())}\n"
            f"  what would work: one more label, 'another={commonest}', or 'rest=*' for all other colours,"
            f" or a tolerance above {self.tolerance:g}"
        )

    def _refuse(self, file: LabelFile, found: str) -> NoReturn:
        raise StageError(
            f"{self.name}: '{file.path}' {found}, so it is no label picture ({describe_colours(file, file.colours)})\n"
            "  what would work: one flat colour for each label; for a mask, use='grey' or use='alpha'"
        )

    def _warn_of_absent_labels(self, names: Sequence[str], found: Sequence[Numbers]) -> None:
        places = set().union(*(np.unique(one).tolist() for one in found))
        nowhere = [label for place, label in enumerate(names) if place not in places]
        if nowhere:
            files = ", ".join(f"'{path}'" for path in [self.path, *filter(None, self.styles)])
            warnings.warn(
                f"{self.name}: no pixel of {files} is labelled {', '.join(map(repr, nowhere))}\n"
                f"  found: {', '.join(repr(label) for label in names if label not in nowhere)}",
                stacklevel=2,
            )

    def _painted_labels(self, here: tuple[str, ...], there: Sequence[tuple[str, ...] | None]) -> tuple[str, ...]:
        """Return the content's labels that are painted; say which are not."""
        absent = [label for label in self.paint if label not in here]
        if absent:
            raise StageError(
                f"{self.name}: '{self.path}' has no {', '.join(map(repr, absent))}, which is to be painted\n"
                f"  found: {', '.join(map(repr, here)) or 'nothing opaque'}{suggestion(absent[0], here)}"
            )
        wanted = tuple(label for label in here if not self.paint or label in self.paint)
        if not wanted:
            raise StageError(
                f"{self.name}: '{self.path}' is transparent everywhere, so there is nothing to paint\n"
                "  what would work: a label picture without alpha"
            )
        files = ", ".join(f"'{path}'" for path in self.styles if path)
        if not self.pair or not files:
            return wanted
        labelled = [found for found in there if found is not None]
        offered = {label for found in labelled for label in found}
        shared = tuple(label for label in wanted if len(labelled) < len(there) or label in offered)
        said = f"'{self.path}' has {', '.join(map(repr, wanted))}, and {files} {', '.join(map(repr, sorted(offered)))}"
        if not shared:
            raise StageError(
                f"{self.name}: {said}: no label is on both sides\n"
                "  what would work: the same names and colours in both; or pair=False and then match-regions,"
                " which pairs regions by their looks"
            )
        alone = [label for label in wanted if label not in shared]
        unused = sorted(offered - set(here))
        if alone or unused:
            stays = f"\n  {', '.join(map(repr, alone))} of the content has no style and stays as it is" if alone else ""
            idle = f"\n  {', '.join(map(repr, unused))} of the style is not used" if unused else ""
            warnings.warn(
                f"{self.name}: {said}{stays}{idle}\n  what would work: the same labels on both sides, or pair=False"
                " and then match-regions",
                stacklevel=2,
            )
        return shared


def present_labels(index: Tensor, names: Sequence[str]) -> tuple[str, ...]:
    """Return the labels that have pixels, in the order of their names."""
    found = set(np.unique(index.numpy()).tolist())
    return tuple(label for place, label in enumerate(names) if place in found)


def partition(index: Tensor, painted: Sequence[int]) -> tuple[Tensor, Tensor]:
    """Return guides of the painted labels, which cover the whole picture, and the mask of where they are.

    What is not painted goes to the guide of the nearest region, so that a mask which grows or is feathered finds a
    region wherever it comes.

    Args:
        index: (H, W), the label of each pixel.
        painted: labels to make guides of.

    Returns:
        (1, K, H, W) and (1, 1, H, W), boolean.
    """
    inside = torch.isin(index, index.new_tensor(painted))
    if not inside.all():
        rows, columns = ndimage.distance_transform_edt(~inside.numpy(), return_distances=False, return_indices=True)
        index = index[torch.from_numpy(rows).long(), torch.from_numpy(columns).long()]
    return torch.stack([index == label for label in painted])[None], inside[None, None]
