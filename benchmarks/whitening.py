"""How fast and how right whitening is: ours beside torch's svd and eigh, Newton-Schulz and Cholesky.

    python benchmarks/whitening.py [--channels 128 512] [--side 64] [--runs 9] [--device cpu]

Features have a power-law spectrum, as those of encoders do: of full rank, and of half.  Each computes C^-½ of their
covariance, in float32, in turns; times are medians.  *Error* is the largest entry of the whitened covariance minus
what it should be: the identity, or the projection on the directions there are, which float64 tells.  Cholesky is
another map, white as well, and has no answer on half the rank; Newton-Schulz only comes near one.
"""

from __future__ import annotations

import argparse
import statistics as medians
import time
from collections.abc import Callable

import torch
from torch import Tensor

from impasto.functional import statistics


def covariance_of(channels: int, rank: int, side: int, device: str) -> Tensor:
    """Return the covariance (1, C, C) of features whose k-th direction has the deviation 1/√k, up to the rank."""
    rng = torch.Generator().manual_seed(channels + rank)
    turn = torch.linalg.qr(torch.randn(channels, channels, generator=rng, dtype=torch.float64))[0][:, :rank]
    deviations = torch.arange(1, rank + 1, dtype=torch.float64).rsqrt()
    features = turn * deviations @ torch.randn(rank, side * side, generator=rng, dtype=torch.float64)
    return statistics.covariance(features.float().view(1, channels, side, side).to(device))[1]


def ours(covariance: Tensor) -> Tensor:
    """The host's, by eigh of the matrix lifted off zero, directions without signal dropped."""
    return statistics.matrix_power(covariance, -0.5)


def plain_eigh(covariance: Tensor) -> Tensor:
    """torch.linalg.eigh, with the same directions dropped."""
    values, vectors = torch.linalg.eigh(covariance)
    powers = torch.where(values > 1e-5 * values[..., -1:], values.clamp_min(1e-30).rsqrt(), 0.0)
    return vectors * powers[..., None, :] @ vectors.mT


def svd(covariance: Tensor) -> Tensor:
    """torch.linalg.svd, as the ports of WCT compute it."""
    left, values, right = torch.linalg.svd(covariance)
    powers = torch.where(values > 1e-5, values.clamp_min(1e-30).rsqrt(), 0.0)
    return left * powers[..., None, :] @ right


def newton_schulz(covariance: Tensor, steps: int = 18) -> Tensor:
    """Products of matrices alone."""
    eye = torch.eye(covariance.shape[-1], device=covariance.device)
    norm = torch.linalg.matrix_norm(covariance)[..., None, None]
    root, inverse = covariance / norm, eye.expand_as(covariance)
    for _ in range(steps):
        turn = 1.5 * eye - 0.5 * inverse @ root
        root, inverse = root @ turn, turn @ inverse
    return inverse / norm.sqrt()


def cholesky(covariance: Tensor) -> Tensor:
    """The inverse of the triangular factor."""
    eye = torch.eye(covariance.shape[-1], device=covariance.device)
    factor = torch.linalg.cholesky_ex(covariance + 1e-7 * covariance.amax() * eye)[0]
    return torch.linalg.solve_triangular(factor, eye.expand_as(factor), upper=False)


METHODS: tuple[Callable[[Tensor], Tensor], ...] = (ours, plain_eigh, svd, newton_schulz, cholesky)


def error(covariance: Tensor, whitening: Tensor) -> float:
    """Return how far the whitened covariance is from white, where there is signal."""
    exact = covariance.double().cpu()
    values, vectors = torch.linalg.eigh(exact)
    kept = (values > 1e-5 * values[..., -1:]).double()
    white = whitening.double().cpu() @ exact @ whitening.double().cpu().mT
    return (white - vectors * kept[..., None, :] @ vectors.mT).abs().max().item()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--channels", type=int, nargs="*", default=[128, 512])
    parser.add_argument("--side", type=int, default=64, help="of the feature maps")
    parser.add_argument("--runs", type=int, default=9)
    parser.add_argument("--device", default="cpu")
    options = parser.parse_args()
    print(f"{torch.get_num_threads()} threads, {options.device}, torch {torch.__version__}\n")
    print("| channels | rank | method | time | error |\n|---|---|---|---|---|")
    for channels in options.channels:
        for rank in (channels, channels // 2):
            matrix = covariance_of(channels, rank, options.side, options.device)
            times: dict[str, list[float]] = {method.__name__: [] for method in METHODS}
            for turn in range(options.runs + 1):
                for method in METHODS:
                    start = time.perf_counter()
                    method(matrix).sum().item()  # waits for the device
                    if turn:
                        times[method.__name__].append(time.perf_counter() - start)
            for method in METHODS:
                took = 1000 * medians.median(times[method.__name__])
                off = error(matrix, method(matrix))
                print(f"| {channels} | {rank} | {method.__name__.replace('_', '-')} | {took:.1f} ms | {off:.1e} |")


if __name__ == "__main__":
    main()
