"""The kit finds watchers that change what they look at, and accuses none that looks on."""

import pytest

import impasto
from impasto import testing


class Watch(impasto.Watcher, name="watch"):
    """Look on, and count."""

    every: int = impasto.param(default=2, low=1, high=100, help="steps between two counts")

    def __post_init__(self):
        self.count = 0

    @impasto.hookimpl
    def impasto_step(self, step):
        self.count += step % self.every == 0


class Darken(Watch, name="darken"):
    """Change the picture."""

    @impasto.hookimpl(wrapper=True)
    def impasto_run_stage(self, stage, canvas):
        after = yield
        return after.replace(image=after.image * 0.9)


class DarkenLater(Watch, name="darken-later"):
    """Change the picture from the second frame of a stream on."""

    @impasto.hookimpl(wrapper=True)
    def impasto_run_stage(self, stage, canvas):
        after = yield
        return after.replace(image=after.image * 0.9) if (canvas.meta.frame or 1) > 1 else after


class Once(Watch, name="once"):
    """Look on at one run and no more."""

    @impasto.hookimpl
    def impasto_step(self, step, steps):
        self.count += 1
        if self.count > steps:
            raise IndexError("no more")


class Hides(Watch, name="hides"):
    """Hide that a stage has failed."""

    @impasto.hookimpl(wrapper=True)
    def impasto_run_stage(self, stage, canvas):
        try:
            return (yield)
        except Exception:
            return canvas


class Swallows(Watch, name="swallows"):
    """Turn an interruption into an end."""

    @impasto.hookimpl(wrapper=True)
    def impasto_run_stage(self, stage, canvas):
        after = yield
        if after.interrupted:
            raise ValueError("interrupted")
        return after


class Nothing(impasto.Watcher, name="nothing"):
    """Look on at nothing."""


class Unmarked(impasto.Watcher, name="unmarked"):
    """Forget the mark of a hook."""

    def impasto_step(self, step):
        pass


class NoHelp(Watch, name="no-help"):
    """Say little."""

    pace: int = impasto.param(default=2, low=1, high=9, help="pace")


def faults(watcher, capsys):
    with pytest.raises(AssertionError, match="what would work: "):
        testing.check_watcher(watcher)
    return [line.split(maxsplit=1)[1] for line in capsys.readouterr().out.splitlines() if "failed" in line]


@testing.parametrize_checks(
    Watch(), lambda: Watch(every=3), of="watcher", expected_failures={"is_offered_by_its_distribution": "is none"}
)
def test_a_watcher_that_looks_on_passes(watcher, check):
    check(watcher)


@pytest.mark.parametrize(
    ("watcher", "fault"),
    [
        (Darken(), "leaves the picture alone"),
        (DarkenLater(), "leaves the picture alone"),
        (Once(), "looks on at several runs"),
        (Hides(), "lets errors through"),
        (Swallows(), "lets errors through"),
        (Nothing(), "takes part in a run"),
        (Unmarked(), "takes part in a run"),
        (NoHelp(), "has a summary and helpful parameters"),
    ],
    ids=lambda one: getattr(one, "name", ""),
)
def test_each_fault_is_found(watcher, fault, capsys):
    assert fault in faults(watcher, capsys)


def test_a_watcher_keeps_what_it_likes_beside_its_parameters():
    watch = Watch(every=3)
    impasto.Pipeline()(impasto.samples.content("astronaut", 32), plugins=[watch])
    watch.count = 7
    assert watch == Watch(every=3)
    with pytest.raises(AttributeError, match="cannot assign to field 'every'"):
        watch.every = 4
