"""Damaged pictures, weights and recipes are read right or called wrong in words: some of `benchmarks/mutation.py`.

A day's worth: `python benchmarks/mutation.py --n 100000 --seed 7 --kind pictures`, and so with `weights` and `recipes`.
"""

import importlib.util
import sys
from pathlib import Path

import pytest
import torch

FILE = Path(__file__).parents[1] / "benchmarks/mutation.py"
spec = importlib.util.spec_from_file_location("mutation", FILE)
assert spec is not None
assert spec.loader is not None
mutation = importlib.util.module_from_spec(spec)
spec.loader.exec_module(mutation)

pytestmark = [
    pytest.mark.skipif(sys.platform == "win32", reason="waits for a process by `select`"),
    pytest.mark.filterwarnings("ignore"),  # of good files that other libraries write
]


@pytest.fixture(scope="module")
def worker():
    # Longer than by hand: other tests run beside this one.
    worker = mutation.Worker(seconds=30)
    yield worker
    worker.stop()


@pytest.mark.parametrize(("kind", "count"), [("pictures", 240), ("weights", 150), ("recipes", 150)])
def test_damaged_files_are_read_right_or_called_wrong_in_words(kind, count, worker):
    counts, faults = mutation.run(kind, range(count), 7, worker)
    assert faults == [], "python benchmarks/mutation.py --kind … --seed 7 --only NUMBER reads one alone"
    verdicts = sum(counts.values(), mutation.collections.Counter())
    assert verdicts["fine"] > count / 20  # some damage does not matter
    assert verdicts["error"] > count / 4


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ("time.sleep(60)", "hangs: over 1 s"),
        ("os._exit(9)", "the process ends with 9"),
        ("print(json.dumps(['fine', '', 0.0, 0, 2 << 30]), flush=True)", "takes 2.0 GB"),
    ],
)
def test_a_reader_that_hangs_dies_or_takes_too_much_is_a_fault_and_the_next_file_is_read(body, says):
    code = f"import json, os, sys, time\nprint('ready', flush=True)\nfor line in sys.stdin:\n    {body}"
    worker = mutation.Worker((sys.executable, "-c", code), seconds=1)
    for _ in range(2):
        verdict, why, _, _ = worker.verdict("pictures", "a.png")
        assert (verdict, why.startswith(says)) == ("FAULT", True)
    worker.stop()


def test_a_large_area_of_one_colour_is_seen_whatever_the_colour():
    picture = torch.rand(1, 3, 70, 67)
    assert mutation.flat_share(picture) == 0
    picture[..., 35:, :] = torch.tensor([0.5, 0.2, 0.1])[:, None, None]
    assert mutation.flat_share(picture) == pytest.approx(0.375)


@pytest.mark.parametrize(
    ("kind", "error", "is_documented"),
    [
        ("pictures", "PictureError('a.png: damaged\\n  what would work: a fresh copy')", True),
        ("pictures", "PictureError('a.png: damaged')", False),
        ("pictures", "PictureError('\\x1b[2J\\n  what would work: x')", False),
        ("pictures", "ValueError('a\\n  what would work: x')", False),
        ("weights", "WeightsError('a.pth: damaged\\n  what would work: x')", True),
        ("recipes", "KeyError('stage\\n  what would work: x')", False),
    ],
)
def test_only_errors_in_words_are_no_faults(kind, error, is_documented):
    import impasto

    assert mutation.documented(kind, eval(error, vars(impasto))) is is_documented
