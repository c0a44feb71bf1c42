"""Measure Gatys' method step by step: a plain loop as tutorials write it, beside `impasto-gatys`.

    python benchmarks/gatys.py                      VGG-19 with random weights where there are no real ones
    python benchmarks/gatys.py --vgg vgg19.pth --sizes 256 512 --rounds 7

Steps of all competitors alternate, so that a busy machine slows them alike; the ratio is the median of the
ratios within a round.  The plain loop is float32 with `torch.optim.LBFGS` as it comes (100 pairs of history).
Peak memory is the resident size of a process of its own that paints three steps at one level.
"""

from __future__ import annotations

import argparse
import copy
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor

import impasto
from impasto.device import use_bfloat16
from impasto.networks import VGG
from impasto.optim import LBFGS
from impasto_gatys import Gatys, Objective

STYLE_LAYERS = ("relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_1")

Step = Callable[[], None]


def pictures(size: int) -> tuple[Tensor, Tensor]:
    """Return a content and a style of size × size."""
    generator = torch.Generator().manual_seed(0)
    blobs = torch.rand(2, 3, 24, 24, generator=generator)
    both = torch.nn.functional.interpolate(blobs, (size, size), mode="bicubic").clamp(0, 1)
    return both[:1], both[1:]


def plain(network: VGG, size: int) -> Step:
    """Return a step of the loop that tutorials show: float32, Gram matrices, L-BFGS with torch's defaults."""
    network = copy.deepcopy(network).to(memory_format=torch.contiguous_format)
    layers = [*STYLE_LAYERS, "relu4_2"]
    content, style = pictures(size)

    def gram(features: Tensor) -> Tensor:
        flat = features.flatten(2)
        return flat @ flat.mT / flat.shape[-1]

    with torch.no_grad():
        wanted = network(content, ["relu4_2"], padding="zeros")["relu4_2"]
        grams = {k: gram(v) for k, v in network(style, STYLE_LAYERS, padding="zeros").items()}
    image = content.clone().requires_grad_()
    optimiser = torch.optim.LBFGS([image], max_iter=1)

    def closure() -> Tensor:
        optimiser.zero_grad()
        features = network(image, layers, padding="zeros")
        loss = (features["relu4_2"] - wanted).square().mean()
        for layer, target in grams.items():
            loss = loss + 1e3 * (gram(features[layer]) - target).square().mean()
        loss.backward()
        return loss

    return lambda: optimiser.step(closure)  # type: ignore[no-any-return]


def ours(encoder: str, size: int, low: bool, **parameters: object) -> Step:
    """Return a step of the stage `gatys` at one level."""
    stage = Gatys(encoder=encoder, **parameters)
    content, style = pictures(size)
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16, enabled=low):
        network = impasto.encoder(encoder, calibrated=True)
        objective = Objective(network, stage.terms(network, content, [impasto.Style(style)], None))
    optimiser, state = LBFGS(), content

    def step() -> None:
        nonlocal state
        image = state.detach().requires_grad_()
        with torch.autocast("cpu", torch.bfloat16, enabled=low):
            loss = torch.stack(list(objective(image).values())).sum()
        (gradient,) = torch.autograd.grad(loss, image)
        with torch.no_grad():
            state = optimiser.step(state, gradient * size * size).clamp(0, 1)

    return step


def competitors(vgg: str, size: int) -> dict[str, Step]:
    """Return the steps to compare, the plain loop first."""
    low = use_bfloat16(torch.device("cpu"), "auto")
    steps = {
        "VGG-19, plain loop": plain(impasto.encoder(vgg).network, size),
        "VGG-19, float32": ours(vgg, size, False, statistic="gram"),
        "VGG-19": ours(vgg, size, low, statistic="gram"),
        "VGG-19, wasserstein2": ours(vgg, size, low, statistic="wasserstein2"),
    }
    for name in ("slim19-half", "slim19"):
        steps[name] = ours(name, size, low)
    return steps


def peak(encoder: str, size: int) -> float:
    """Return the peak resident memory in GB of a fresh process that paints a picture."""
    done = subprocess.run(
        [sys.executable, __file__, "--paint", encoder, "--sizes", str(size)], capture_output=True, text=True
    )
    return float(done.stdout.split()[-1]) if done.returncode == 0 else float("nan")


def paint(encoder: str, size: int) -> None:
    """Paint three steps at full size and print this process's peak memory in GB."""
    content, style = pictures(size)
    impasto.Pipeline(Gatys(encoder=encoder, steps=3, coarsest=size))(content, style, device="cpu")
    status = Path("/proc/self/status")
    if status.exists():  # Linux lets a child inherit its parent's ru_maxrss
        used = 1024 * int(status.read_text().split("VmHWM:")[1].split()[0])
    else:
        used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(used / 1e9)


def random_vgg() -> str:
    """Return a file with VGG-19 of random weights: as fast as the real one, and blind."""
    torch.manual_seed(0)
    state = VGG().state_dict()
    for key in state:
        if key.endswith("weight"):
            torch.nn.init.kaiming_normal_(state[key])
    file = Path(tempfile.mkdtemp()) / "random-vgg19.pth"
    torch.save(state, file)
    return str(file)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--vgg", help="a checkpoint of VGG-19; random weights without one")
    parser.add_argument("--sizes", type=int, nargs="+", default=[256, 512], help="sides of the square pictures")
    parser.add_argument("--rounds", type=int, default=5, help="steps of each, after two to warm up")
    parser.add_argument("--paint", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.paint:
        paint(options.paint, options.sizes[0])
        return
    vgg = options.vgg or random_vgg()
    print(f"torch {torch.__version__}, {torch.get_num_threads()} threads, {torch.backends.cpu.get_cpu_capability()}")
    print(f"{'':24}{'size':>6}{'ms a step':>11}{'ratio':>8}{'peak GB':>9}")
    for size in options.sizes:
        steps = competitors(vgg, size)
        times: dict[str, list[float]] = {name: [] for name in steps}
        for _ in range(2 + options.rounds):
            for name, step in steps.items():
                start = time.perf_counter()
                step()
                times[name].append(time.perf_counter() - start)
        first = times["VGG-19, plain loop"]
        for name, measured in times.items():
            encoder = vgg if name == "VGG-19" else name
            memory = f"{peak(encoder, size):9.2f}" if name in ("VGG-19", "slim19-half", "slim19") else ""
            ratio = statistics.median(a / b for a, b in list(zip(first, measured, strict=True))[2:])
            print(f"{name:24}{size:6}{1e3 * statistics.median(measured[2:]):11.0f}{ratio:7.1f}×{memory}")


if __name__ == "__main__":
    main()
