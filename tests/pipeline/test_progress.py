"""The progress bar follows an iterative stage."""

import torch

import impasto
from impasto.pipeline import ProgressBar


class Slow(impasto.Stylizer, name="slow"):
    """Darken step by step."""

    style = "optional"
    steps: int = impasto.param(default=500, low=1, help="steps")

    def stylize(self, content, styles, guides):
        for step in range(1, self.steps + 1):
            self.report(step, self.steps, content * 0.5, {"dark": content.mean()})
        return content * 0.5


def test_the_progress_bar_follows_the_steps_and_goes_when_the_stage_ends(capsys):
    seen = []

    class Look:
        @impasto.hookimpl
        def impasto_step(self, step):
            seen.append((bar._bar.n, bar._bar.total) if bar._bar else None)

    bar = ProgressBar()
    impasto.Pipeline(Slow(steps=20))(torch.full((1, 3, 8, 8), 0.5), plugins=[Look(), bar])
    assert bar._bar is None
    assert seen[-1] == (20, 20)
    err = capsys.readouterr().err
    assert "slow" in err
    assert "loss 0.5" in err
    impasto.Pipeline(Slow(steps=20))(torch.full((1, 3, 8, 8), 0.5), plugins=[ProgressBar(shown=False)])
    assert capsys.readouterr().err == ""
