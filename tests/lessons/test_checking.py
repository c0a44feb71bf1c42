"""Checks of exercises: a hint for each mistake, points for what is right, and nothing that stops the page."""

import pytest
import torch

import impasto
from impasto.lessons import check, points
from impasto.lessons.notebooks import LessonError

tiny = torch.stack([torch.tensor([[1.0, 0.0, 1.0, 0.0]] * 4), torch.tensor([[1.0] * 4, *[[0.0] * 4] * 3])])
by_hand = torch.tensor([[0.5, 0.125], [0.125, 0.25]])
features = torch.rand(1, 8, 10, 12, generator=torch.Generator().manual_seed(0))


def said(capsys, solution):
    """Check exercise 1 of lesson 2 as its notebook would, with a solution."""
    globals()["my_gram"] = solution
    check(2, 1)
    return capsys.readouterr().out.splitlines()[0]


def test_three_mistakes_get_three_hints_and_no_point(capsys):
    mistakes = {
        "zeros": lambda x: torch.zeros(len(x), len(x)),
        "sums": lambda x: x.flatten(1) @ x.flatten(1).T,
        "wrong way round": lambda x: x.flatten(1).T @ x.flatten(1),
        "an error": lambda x: x @ "y",
    }
    hints = {name: said(capsys, mistake) for name, mistake in mistakes.items()}
    assert len(set(hints.values())) == len(hints)
    assert all("not yet, 0 points" in hint for hint in hints.values())
    assert "divide by the number of positions" in hints["sums"]
    assert "TypeError" in hints["an error"]
    assert points()[2] == (0, 2)


def test_what_is_right_gets_its_point_and_leaves_no_answer_in_the_notebook(capsys):
    assert said(capsys, lambda x: impasto.functional.gram(x[None])[0]) == ("Right, for pictures of any size.")
    assert points()[2] == (1, 2)
    assert "found" not in globals()


@pytest.mark.parametrize(("lesson", "exercise"), [(0, 1), (40, 1), (1, 0), (1, 9)])
def test_an_exercise_that_there_is_not_is_refused(lesson, exercise):
    with pytest.raises(LessonError, match="what would work"):
        check(lesson, exercise)
