import functools
import tempfile
from pathlib import Path

import torch

import impasto
from impasto.functional.losses import STATISTICS, STYLE_LAYERS, StyleGoal
from impasto.testing import parametrize_checks
from impasto_one_style import OneStyle, OneStyleTrainer


@parametrize_checks(OneStyle())
def test_one_style(stage, check):
    check(stage)


@functools.cache
def small():
    """Return a trainer whose steps are quick, with the pictures that it reads."""
    folder = Path(tempfile.mkdtemp())
    (folder / "photographs").mkdir()
    for name in ("astronaut", "coffee", "rocket"):
        impasto.read(impasto.samples.content(name, 80)).save(folder / "photographs" / f"{name}.png")
    impasto.read(impasto.samples.style("wave", 64)).save(folder / "wave.png")
    return OneStyleTrainer(images=folder / "photographs", style=folder / "wave.png", width=4, size=64)


@parametrize_checks(small, of="trainer")
def test_the_training(trainer, check):
    check(trainer)


@torch.no_grad()
def test_what_it_paints_is_nearer_to_the_style():
    encoder = impasto.encoder("slim19")
    photograph, style = impasto.samples.content("astronaut", 128), impasto.samples.style("wave", 256)
    painted = impasto.Pipeline(OneStyle())(photograph, device="cpu").tensor
    seen = [encoder.features(image, list(STYLE_LAYERS)) for image in (style, photograph, painted)]
    goal = StyleGoal(seen[0], STATISTICS["wasserstein2"])
    assert goal.distance(seen[2]) < 0.8 * goal.distance(seen[1])
