"""What a file is to Impasto: findings on pictures, recipes, videos and weights, by the readers that a run uses."""

from __future__ import annotations

import io
import warnings
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import torch
from PIL import ImageCms

from .. import weights
from ..errors import RecipeError, WeightsError, quoted
from ..files import VIDEOS, sha256
from ..networks import CHECKPOINT_SUFFIXES, load_vgg
from ..picture import Picture, plugin_reader, read
from ..picture.decoding import decoding_errors, file_content, image_file, is_video
from ..picture.exif import ORIENTATION
from ..picture.frame_table import frame_table
from ..pipeline import Pipeline, check_untrusted, read_mask
from ..pipeline.loading import recipe_text
from ..pipeline.toml import read_made
from ..stream import Video
from .errors import exit_code_of
from .weights import known_records


class Finding(NamedTuple):
    """One thing found: its label, what to say, and whether it keeps the file from being used."""

    label: str
    text: str
    fault: bool = False


def examine(file: Path, limit: int | None) -> tuple[str, Iterator[Finding]]:
    """Return what kind of file one is, and the findings on it.

    Args:
        file: one that is there; what it holds decides, its suffix only where that does not tell.
        limit: largest picture to decode, in pixels; None: what is read unasked.
    """
    suffix = file.suffix.lower()
    with file.open("rb") as opened:
        head = opened.read(16)
    if suffix == ".toml":
        return "pipeline", until_error(recipe_findings(file), "recipe")
    if suffix in VIDEOS or (not suffix and is_video(head)):
        return "video", until_error(video_findings(file, limit))
    if head[8:9] == b"{" or head[:4] == b"PK\x03\x04" or head[:1] == b"\x80" or suffix in CHECKPOINT_SUFFIXES:
        return "weights", until_error(weights_findings(file))
    return "picture", until_error(picture_findings(file, limit))


def until_error(findings: Iterator[Finding], label: str = "error") -> Iterator[Finding]:
    """Yield findings up to the error that keeps a file from being used; errors not meant for users go on."""
    try:
        yield from findings
    except Exception as error:
        if exit_code_of(error) is None:
            raise
        yield Finding(label, str(error), fault=True)


def attempt(label: str, look: Callable[[], str], fault: bool = True) -> Finding:
    """Return what `look` finds, or why it cannot; errors whose message is not meant for users go on."""
    try:
        return Finding(label, look())
    except Exception as error:
        if exit_code_of(error) is None:
            raise
        return Finding(label, str(error), fault)


def picture_findings(file: Path, limit: int | None) -> Iterator[Finding]:
    """Yield what a picture's file says, what reading makes of it, and what it would be as a mask and a recipe."""
    yield Finding("file", header(file))
    picture = read(file, max_pixels=limit)
    height, width = picture.size
    many = f", {width * height / 1e6:.1f} megapixels" if width * height > 1e5 else ""
    yield Finding("read as", f"{width} × {height} pixels{many}, upright, sRGB")
    low, high = picture.tensor.aminmax()
    mean = " ".join(f"{value:.2f}" for value in picture.tensor.mean((0, 2, 3)).tolist())
    yield Finding("values", f"{low:.3f} to {high:.3f}, mean {mean}")
    yield Finding("alpha", opacity(picture))
    yield attempt("as a mask", lambda: mask_values(picture), fault=False)
    yield from made_by(file, picture.meta.recipe)


def header(file: Path) -> str:
    """Return what a picture's file says of itself before its pixels are decoded."""
    if reader := plugin_reader(file):
        return f"{reader.suffix}, read by {reader.distribution}"
    with decoding_errors(str(file)):
        data = file_content(file, None)
        image = image_file(data, said=True)
        said = [str(image.format), f"{image.width} × {image.height}", f"mode {image.mode}"]
        frames = len(frame_table(image, data))
        if frames > 1:
            said.append(f"{frames} {'pages' if image.format == 'TIFF' else 'frames'}")
        if profile := image.info.get("icc_profile"):
            said.append(f"colour profile {profile_name(profile)}")
        orientation = image.getexif().get(ORIENTATION, 1)
        if orientation != 1:
            said.append(f"EXIF orientation {quoted(orientation)}")
        if density := image.info.get("dpi"):
            said.append(f"{float(density[0]):.0f} pixels per inch")
    return ", ".join(said)


def profile_name(profile: bytes) -> str:
    """Return what a colour profile calls itself."""
    try:
        return quoted(ImageCms.getProfileDescription(ImageCms.ImageCmsProfile(io.BytesIO(profile))).strip())
    except (OSError, ImageCms.PyCMSError):
        return "that cannot be read"


def opacity(picture: Picture) -> str:
    """Return how much of a picture is seen through."""
    if picture.alpha is None:
        return "none"
    return f"{degrees(picture.alpha, 'transparent', 'opaque')}; colours below what is transparent do not count"


def mask_values(picture: Picture) -> str:
    """Return what a picture selects as a mask, and what the reader of masks minds."""
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        mask = read_mask(picture, picture.tensor)
    minded = "".join(f"\n{warning.message}" for warning in said)
    return f"{degrees(mask, 'left as it is', 'painted')}{minded}"


def degrees(values: torch.Tensor, none: str, whole: str) -> str:
    """Return which shares of a map (B, 1, H, W) in [0, 1] are 0, 1 and between."""
    zero, one = (float((values == bound).float().mean()) for bound in (0, 1))
    between = max(0.0, 1 - zero - one)
    said = [f"{share:.1%} {name}" for share, name in ((one, whole), (zero, none), (between, "between")) if share]
    return ", ".join(said)


def made_by(file: Path, recipe: str | None) -> Iterator[Finding]:
    """Yield the pipeline of the recipe that a picture carries, and what it asks for beside numbers."""
    if recipe is None and not file.with_name(f"{file.name}.toml").is_file():
        yield Finding("recipe", "none")
        return
    yield from until_error(recipe_findings(file), "recipe")


def recipe_findings(file: Path) -> Iterator[Finding]:
    """Yield the stages of a pipeline's TOML or of a picture's recipe, and what it asks for beside numbers."""
    text = recipe_text(file)
    pipeline = Pipeline.from_toml(text)
    made = read_made(text)
    yield Finding("recipe", pipeline.to_line())
    if made.kept:
        yield Finding("made with", f"seed {made.seed}, precision {made.precision}")
    try:
        check_untrusted(pipeline.stages, file)
        yield Finding("asks for", "no file and no download")
    except RecipeError as error:
        yield Finding("asks for", str(error))


def video_findings(file: Path, limit: int | None) -> Iterator[Finding]:
    """Yield what a video says of itself, and its first frame."""
    video = Video(file, max_pixels=limit)
    first = next(iter(video))
    height, width = first.size
    yield Finding(
        "frames", f"{width} × {height} pixels, {float(video.fps):g} a second, it says about {video.count} of them"
    )
    yield Finding("sound", "yes" if video.sound else "none")
    if video.aspect != 1:
        yield Finding("pixels", f"{video.aspect} times as wide as high")
    yield Finding("alpha", opacity(first))
    yield from made_by(file, video.recipe)


def weights_findings(file: Path) -> Iterator[Finding]:
    """Yield whose weights a file holds, its tensors, and what is odd about their values."""
    digest = sha256(file)
    yield Finding("sha256", digest)
    same = {record: users for record, users in known_records().items() if digest.startswith(record.sha256)}
    for record, users in same.items():
        yield Finding("known as", f"{record.name}, used by {', '.join(users)}\n{record.expects}; {record.licence}")
    tensors = weights.load(file)
    kinds = sorted({str(tensor.dtype).removeprefix("torch.") for tensor in tensors.values()})
    total = sum(tensor.numel() for tensor in tensors.values())
    yield Finding("tensors", f"{len(tensors)}, {total:,} values, {', '.join(kinds)}")
    yield Finding("names", ", ".join(quoted(name) for name in [*tensors][:4]) + (" …" if len(tensors) > 4 else ""))
    yield attempt("values", lambda: weights_values(tensors))
    yield attempt("as encoder", lambda: encoder_text(file), fault=False)


def weights_values(tensors: Mapping[str, torch.Tensor]) -> str:
    """Return that values can be those of a network."""
    weights.check_numbers(tensors, WeightsError)
    return "finite and moderate"


def encoder_text(file: Path) -> str:
    """Return what a checkpoint is as an encoder of VGG-19's plan."""
    network = load_vgg(file)
    return f"VGG-19's plan to conv{network.convolutions[-1]}, {', '.join(map(str, network.widths))} channels by block"
