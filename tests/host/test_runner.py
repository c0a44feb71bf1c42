"""The hooks of a run: those who are passed to it run, watch and replace its stages."""

import pytest
import torch

import impasto

from .example_stages import CONTENT, Negative, Stepwise


def test_hook_run_stage():
    calls = []

    class Cache:
        @impasto.hookimpl
        def impasto_run_stage(self, stage, canvas):
            calls.append(stage)
            return canvas.replace(image=torch.zeros_like(canvas.image)) if stage == Negative() else None

    pipe = impasto.Pipeline(Negative(), Stepwise())
    picture = pipe(CONTENT, device="cpu", plugins=[Cache()])
    assert calls == [Negative(), Stepwise()]
    assert picture.tensor.max() == 0
    assert pipe(CONTENT, device="cpu").tensor.max() > 0, "joins only the run it is passed to"
    assert len(calls) == 2


def test_hook_run_stage_can_be_wrapped():
    seen = []

    class Watch:
        @impasto.hookimpl(wrapper=True)
        def impasto_run_stage(self, stage, canvas):
            before = canvas.image.mean()
            result = yield
            seen.append((stage.name, bool(result.image.mean() < before)))
            return result

    impasto.Pipeline(Stepwise(), Negative())(CONTENT, device="cpu", plugins=[Watch()])
    assert seen == [("stepwise", True), ("negative", False)]


def test_hook_run_stage_must_give_back_a_canvas(plugin):
    broken = plugin(impasto_run_stage=lambda stage, canvas: canvas.image)
    with pytest.raises(impasto.StageError, match="gave back Tensor for negative"):
        impasto.Pipeline(Negative())(CONTENT, device="cpu", plugins=[broken])


def test_hook_step(plugin):
    seen = []

    def impasto_step(stage, step, steps, image, losses):
        seen.append((stage, step, steps, tuple(image.shape), sorted(losses)))

    impasto.Pipeline(Stepwise())(CONTENT, device="cpu", plugins=[plugin(impasto_step=impasto_step)])
    assert seen == [(Stepwise(), step, 3, (1, 3, 12, 16), ["darkness"]) for step in (1, 2, 3)]


def test_hook_step_needs_only_the_arguments_it_uses(plugin):
    seen = []
    watch = plugin(impasto_step=lambda step, losses: seen.append((step, round(float(losses["darkness"]), 2))))
    impasto.Pipeline(Stepwise())(CONTENT, device="cpu", plugins=[watch])
    assert seen == [(1, 0.45), (2, 0.40), (3, 0.36)]
