"""Time every installed stage that prepares or refines a picture, and the references that some have elsewhere.

    python benchmarks/prepost.py                               everything, at 1920×1080
    python benchmarks/prepost.py --only guided-smooth match-histogram --rounds 9
    python benchmarks/prepost.py --direct 700                  photo-smooth beside a sparse direct solve, nothing else

In each round all competitors take turns, so that a busy machine slows them alike; the time is the median over
the rounds, the ratio the median of the ratios within a round.  What takes longer than --patience seconds is run
once.  Stages have their default parameters, references the same where both have them, else those printed.
The difference is the root mean square between the reference's picture and the stage's, in steps of 8 bits.
The direct solve at 700×700 takes a minute and 5 GB.
"""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import MISSING, dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

import impasto
from impasto import Canvas, Stage, Style
from impasto.errors import WeightsError

Array = npt.NDArray[np.floating]
Result = Callable[[], "Tensor | Array"]

PRECEDED = {"restore-size": "resize", "upscale-guided": "resize"}
"""Stages that only have something to do after another one."""


@dataclass
class Competitor:
    """Something that is timed: a stage, or a reference for it."""

    name: str
    run: Result
    stage: str = ""
    picture: Tensor | None = None
    times: list[float] = field(default_factory=list)


# -------------------------------------------------------------------------------------------------- pictures


def painted_photograph(height: int, width: int, device: str) -> Canvas:
    """Return a canvas with a photograph, a painting of it in other colours with brushwork, and a style."""
    photo = impasto.samples.content("coffee")[..., :338, :]
    content = torch.nn.functional.interpolate(photo, (height, width), mode="bicubic", antialias=True)
    grain = torch.randn(content.shape, generator=torch.Generator().manual_seed(0))
    content = (content + 0.01 * grain).clamp(0, 1)
    style = impasto.samples.style("impasto", 512)
    strokes = torch.nn.functional.interpolate(style, (height, width), mode="bicubic", antialias=True)
    painted = (0.6 * content.flip(1) + 0.4 * strokes).clamp(0, 1)
    return Canvas(content.to(device), painted.to(device), (Style(style.to(device)),))


def situations(canvas: Canvas, name: str) -> Iterator[Canvas]:
    """Yield canvases that a stage may need: plain, with a mask, with regions; or what another stage has left."""
    if name in PRECEDED:
        before = impasto.get_host().stage(PRECEDED[name])().apply(canvas)
        yield before.replace(image=(0.8 * before.image.flip(1) + 0.1))
        return
    yield canvas
    mask = torch.zeros_like(canvas.image[:, :1])
    mask[..., mask.shape[-2] // 4 : -mask.shape[-2] // 4, mask.shape[-1] // 4 : -mask.shape[-1] // 4] = 1
    yield canvas.replace(mask=mask)
    guides, style = torch.cat([mask, 1 - mask], dim=1), canvas.styles[0]
    parts = torch.zeros_like(style.image[:, :2])
    parts[:, 0, :256], parts[:, 1, 256:] = 1, 1
    yield canvas.replace(guides=guides, styles=(style.replace(guides=parts),))


# ------------------------------------------------------------------------------------------------- references


def array(image: Tensor) -> Array:
    """Return a picture (1, 3, H, W) as (H, W, 3)."""
    return image[0].permute(1, 2, 0).contiguous().cpu().numpy()


def of_guided_smooth(stage: Stage, canvas: Canvas) -> dict[str, Result]:
    from kornia.filters import guided_blur

    values = stage.values()
    radius, subsample = values["radius"], values["subsample"] or max(1, values["radius"] // 4)

    def kornia() -> Tensor:
        return guided_blur(canvas.content, canvas.image, 2 * radius + 1, values["eps"], subsample=subsample)

    return {"kornia guided_blur": kornia}


def of_match_histogram(stage: Stage, canvas: Canvas) -> dict[str, Result]:
    from skimage.exposure import match_histograms

    image, style = array(canvas.image), array(canvas.styles[0].image)
    bytes_image, bytes_style = ((255 * values).round().astype(np.uint8) for values in (image, style))
    return {
        "scikit-image, float": lambda: match_histograms(image, style, channel_axis=-1),
        "scikit-image, uint8": lambda: match_histograms(bytes_image, bytes_style, channel_axis=-1) / 255,
    }


def of_bilateral_smooth(stage: Stage, canvas: Canvas) -> dict[str, Result]:
    from skimage.restoration import denoise_bilateral

    # scikit-image knows no guide, so it compares the painted image with itself, and its table of spatial weights
    # is one column too wide (0.26): its time is comparable, its picture is not.
    image, values = array(canvas.image), stage.values()
    reach, spread = values["sigma_space"], values["sigma_color"]

    def bilateral() -> Array:
        filtered: Array = denoise_bilateral(image, sigma_color=spread, sigma_spatial=reach, channel_axis=-1)
        return filtered

    return {"scikit-image, without a guide": bilateral}


def of_tv_denoise(stage: Stage, canvas: Canvas) -> dict[str, Result]:
    from skimage.restoration import denoise_tv_chambolle

    image, weight = array(canvas.image), stage.values()["weight"]

    def chambolle() -> Array:
        filtered: Array = denoise_tv_chambolle(image, weight=weight, channel_axis=-1)
        return filtered

    return {"scikit-image, channel by channel": chambolle}


REFERENCES: dict[str, Callable[[Stage, Canvas], dict[str, Result]]] = {
    "guided-smooth": of_guided_smooth,
    "match-histogram": of_match_histogram,
    "bilateral-smooth": of_bilateral_smooth,
    "tv-denoise": of_tv_denoise,
}


# -------------------------------------------------------------------------------- photo-smooth, solved directly


def matting_affinity(guide: Array, eps: float) -> Any:
    """Return the affinity W of Levin, Lischinski and Weiss 2008, whose Laplacian is D - W, as a sparse matrix.

    Args:
        guide: (H, W, 3).
        eps: added to the variances of each window of 3×3, divided by its number of pixels.
    """
    from scipy import sparse

    height, width, _ = guide.shape
    count = 9
    index = np.lib.stride_tricks.sliding_window_view(np.arange(height * width).reshape(height, width), (3, 3))
    index = index.reshape(-1, count)
    colours = guide.astype(np.float64).reshape(-1, 3)[index]
    centred = colours - colours.mean(1, keepdims=True)
    covariance = np.einsum("npc,npd->ncd", centred, centred) / count + eps / count * np.eye(3)
    likeness = (1 + np.einsum("npc,ncd,nqd->npq", centred, np.linalg.inv(covariance), centred)) / count
    rows, columns = np.repeat(index, count, axis=1).ravel(), np.tile(index, (1, count)).ravel()
    return sparse.coo_matrix((likeness.ravel(), (rows, columns)), shape=(height * width,) * 2).tocsr()


def solved_directly(stage: Stage, canvas: Canvas) -> Array:
    """Return photo-smooth's picture by a sparse LU of the same system, (D - βW) x = (1 - β) D y."""
    from scipy import sparse
    from scipy.sparse.linalg import splu

    beta, image = stage.values()["beta"], array(canvas.image).astype(np.float64)
    affinity = matting_affinity(array(canvas.content), stage.values()["eps"])
    windows = sparse.diags(np.asarray(affinity.sum(1)).ravel())
    # The ordering for symmetric systems needs less time and memory than scipy's default.
    factors = splu((windows - beta * affinity).tocsc(), permc_spec="MMD_AT_PLUS_A", options={"SymmetricMode": True})
    solved: Array = factors.solve((1 - beta) * (windows @ image.reshape(-1, 3)))
    return solved.reshape(image.shape).clip(0, 1)


def of_photo_smooth(stage: Stage, canvas: Canvas) -> dict[str, Result]:
    return {"scipy, sparse LU": lambda: solved_directly(stage, canvas)}


# ------------------------------------------------------------------------------------------------- the table


def competitors(only: list[str], canvas: Canvas, direct: bool) -> tuple[list[Competitor], dict[str, str]]:
    """Return what is timed, each run once, and for stages that cannot be run why not."""
    found, refused = [], {}
    stages = {**impasto.get_host().preprocessors, **impasto.get_host().postprocessors}
    for name in only or stages:
        kind = stages[name] if name in stages else impasto.get_host().stage(name)
        missing = [one.name for one in kind.parameters().values() if one.default is MISSING]
        if missing:
            refused[name] = f"has no default for {', '.join(missing)}"
            continue
        stage = kind()
        for situation in situations(canvas, name):
            one = Competitor(name, lambda stage=stage, given=situation: stage.apply(given).image)
            try:
                once(one)
            except (impasto.StageError, ValueError, WeightsError) as error:
                refused[name] = str(error).splitlines()[0]
                continue
            refused.pop(name, None)
            found.append(one)
            reference = of_photo_smooth if direct else REFERENCES.get(name)
            for label, run in (reference(stage, situation) if reference else {}).items():
                found.append(Competitor(label, run, stage=name))
                once(found[-1])
            break
    return found, refused


def once(competitor: Competitor) -> None:
    """Run and time a competitor, and keep its picture if it is the first."""
    start = time.perf_counter()
    result = competitor.run()
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    competitor.times.append(time.perf_counter() - start)
    if competitor.picture is None:
        picture = result if isinstance(result, Tensor) else torch.from_numpy(result).permute(2, 0, 1)[None]
        competitor.picture = picture.float().cpu()
        print(f"{competitor.stage:20}{competitor.name}: {competitor.times[0]:.2f} s", file=sys.stderr)


def table(found: list[Competitor], rounds: int, patience: float) -> None:
    """Let all take turns, and print what came of it."""
    quick = [one for one in found if one.times[0] < patience]
    for one in quick:
        one.times.clear()  # the first run also loads and compiles
    for _ in range(rounds):
        for one in quick:
            once(one)
    stages = {one.name: one for one in found if not one.stage}
    print(f"{'':36}{'seconds':>9}{'ratio':>9}{'difference':>12}")
    for one in found:
        line = f"{'  ' * bool(one.stage) + one.name:36}{statistics.median(one.times):9.3f}"
        if one.stage:
            beside = stages[one.stage]
            assert one.picture is not None
            assert beside.picture is not None
            pairs = list(zip(one.times, beside.times, strict=False))
            ratio = statistics.median(theirs / ours for theirs, ours in pairs)
            difference = 255 * (one.picture - beside.picture).square().mean().sqrt()
            line += f"{ratio:8.1f}×{difference:12.2f}"
        print(line + ("   once" if len(one.times) == 1 and rounds > 1 else ""))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--only", nargs="+", default=[], metavar="STAGE", help="these stages alone")
    parser.add_argument("--size", type=int, nargs=2, default=[1920, 1080], metavar=("W", "H"), help="of the picture")
    parser.add_argument("--direct", type=int, metavar="SIDE", help="photo-smooth beside a sparse direct solve, square")
    parser.add_argument("--rounds", type=int, default=5, help="after one to warm up")
    parser.add_argument("--patience", type=float, default=10, help="seconds; what takes longer is run once")
    parser.add_argument("--device", default="cpu", help="for the stages; references run where they can")
    options = parser.parse_args()
    width, height = (options.direct,) * 2 if options.direct else options.size
    where = options.device if options.device == "cpu" else torch.cuda.get_device_name(options.device)
    print(
        f"{width}×{height}, {where}, torch {torch.__version__}, {torch.get_num_threads()} threads of {os.cpu_count()}"
        f" cores, {torch.backends.cpu.get_cpu_capability()}, {platform.machine()}"
    )
    with torch.no_grad():
        canvas = painted_photograph(height, width, options.device)
        only = ["photo-smooth"] if options.direct else options.only
        try:
            found, refused = competitors(only, canvas, bool(options.direct))
        except LookupError as error:
            parser.error(str(error))
        table(found, options.rounds, options.patience)
    for name, reason in refused.items():
        print(f"{name:36}not run: {reason}")


if __name__ == "__main__":
    main()
