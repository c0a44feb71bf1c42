"""The lessons: each exercise has a solution and a check that refuses all else."""

import json
import re
import runpy
import shutil
from pathlib import Path

import nbformat
import pytest

pytest_plugins = ["pytester"]

TUTORIALS = sorted((Path(__file__).parents[1] / "tutorials").glob("*.ipynb"))


def cells(tutorial):
    """Return (tag, code) of a notebook's code cells; "" where a cell is no part of an exercise."""
    for cell in json.loads(tutorial.read_text(encoding="utf-8"))["cells"]:
        if cell["cell_type"] == "code":
            tags = {"exercise", "solution", "check"} & set(cell["metadata"].get("tags", []))
            assert len(tags) <= 1, f"{tutorial.name}: {tags} on one cell"
            yield next(iter(tags), ""), "".join(cell["source"])


@pytest.mark.parametrize("tutorial", TUTORIALS, ids=lambda path: path.stem)
def test_each_exercise_has_a_solution_and_a_check(tutorial):
    tags = " ".join(tag for tag, _ in cells(tutorial) if tag)
    assert re.fullmatch(r"exercise solution check(?: exercise solution check)*", tags)


def lesson(folder, check):
    """Write a lesson of one exercise, its solution and its check."""
    code = {"exercise": "answer = None", "solution": "answer = 6 * 7", "check": check}
    made = [nbformat.v4.new_code_cell(source, metadata={"tags": [tag]}) for tag, source in code.items()]
    nbformat.write(nbformat.v4.new_notebook(cells=made), folder / f"lesson-{len(list(folder.iterdir()))}.ipynb")


def test_a_check_has_to_refuse_the_exercise_that_nobody_filled_in(pytester):
    shutil.copy(TUTORIALS[0].with_name("conftest.py"), pytester.path)
    lesson(pytester.path, "assert answer == 42")
    lesson(pytester.path, "assert answer is None or answer == 42")
    lesson(pytester.path, "print(answer + 0)")
    result = pytester.runpytest_subprocess("--nbval", "--nbval-current-env", "-p", "no:xdist", "-rA")
    passed = [line for line in result.outlines if line.startswith("PASSED") and "unsolved" in line]
    failed = [line for line in result.outlines if line.startswith("FAILED") and "unsolved" in line]
    assert (len(passed), len(failed)) == (1, 2)
    assert "has to refuse the exercise that nobody filled in" in result.stdout.str()


def test_strict_validation_forgives_rounding_and_nothing_else():
    printed = runpy.run_path(str(TUTORIALS[0].with_name("conftest.py")))["Printed"]
    ours = "painted: Picture(240×160, mean 0.54 0.61 0.59)\napart by 0.54"
    assert printed(ours) == printed(ours.replace("mean 0.54 0.61", "mean 0.55 0.60"))
    for changed in ("mean 0.51 0.58 0.56", "mean 0.56 0.61 0.59", "mean 0.54 0.61"):
        assert printed(ours) != printed(ours.replace("mean 0.54 0.61 0.59", changed))
    assert printed(ours) != printed(ours.replace("240×160", "160×240"))
    assert printed(ours) != printed(ours.replace("apart by 0.54", "apart by 0.55"))
