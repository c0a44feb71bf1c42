"""Checks of exercises, out of the student's sight: a point for what is right, a hint for what is not."""

from __future__ import annotations

import inspect
from typing import Any

from .notebooks import LessonError, checks, lesson_files, read_notebook, source

REACHED: dict[tuple[int, int], int] = {}
"""The points of each exercise that was checked, by lesson and exercise; the last check counts."""


def check(lesson: int, exercise: int) -> None:
    """Check an exercise with the names that its notebook has; print whether it is right, or a hint.

    Whatever is wrong, nothing is raised, so that the cells below can be run.

    Args:
        lesson: number of the lesson.
        exercise: number of the exercise that has code, 1 for the first of the lesson.

    Raises:
        LessonError: there is no such exercise.

    Example:
        >>> import impasto
        >>> from impasto.lessons import check
        >>> mine = None
        >>> check(1, 1)
        Exercise 1: not yet, 0 points. mine should be an impasto.Pipeline(…)
    """
    files = lesson_files()
    if lesson not in range(1, len(files) + 1):
        raise LessonError(f"there is no lesson {lesson}\n  what would work: a number from 1 to {len(files)}")
    cells = checks(read_notebook(files[lesson - 1]))
    if exercise not in range(1, len(cells) + 1):
        raise LessonError(f"lesson {lesson} has no exercise {exercise}\n  what would work: 1 to {len(cells)}")
    frame = inspect.currentframe()
    # A copy: what a check computes, such as the right answer, stays out of the notebook.
    names: dict[str, Any] = dict(frame.f_back.f_globals) if frame and frame.f_back else {}
    REACHED[lesson, exercise] = 0
    try:
        exec(compile(source(cells[exercise - 1]), f"<check {lesson}.{exercise}>", "exec"), names)
    except AssertionError as hint:
        print(f"Exercise {exercise}: not yet, 0 points. {hint}")
    except Exception as error:  # of the student's code, which the check runs
        print(f"Exercise {exercise}: not yet, 0 points. Your code raises {type(error).__name__}: {error}")
    else:
        REACHED[lesson, exercise] = 1
        print(f"Exercise {exercise}: 1 point.")


def points() -> dict[int, tuple[int, int]]:
    """Return the points of each lesson that was checked: how many were reached, and of how many.

    Example:
        >>> import impasto
        >>> from impasto.lessons import check, points
        >>> mine = None
        >>> check(1, 1)
        Exercise 1: not yet, 0 points. mine should be an impasto.Pipeline(…)
        >>> points()[1]
        (0, 2)
    """
    files = lesson_files()
    return {
        lesson: (
            sum(value for (of, _), value in REACHED.items() if of == lesson),
            len(checks(read_notebook(files[lesson - 1]))),
        )
        for lesson in sorted({lesson for lesson, _ in REACHED})
    }
