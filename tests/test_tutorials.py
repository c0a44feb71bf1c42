"""The exercises: each refuses the cell that nobody filled in and takes the solution; copies for students keep none."""

import contextlib
import io
import json
import os
import runpy
import subprocess
import sys
from pathlib import Path

import pytest

TUTORIALS = sorted((Path(__file__).parents[1] / "tutorials").glob("*.ipynb"))


def cells(tutorial):
    """Return (tag, code) of a notebook's code cells; "" where a cell is no part of an exercise."""
    for cell in json.loads(tutorial.read_text(encoding="utf-8"))["cells"]:
        if cell["cell_type"] == "code":
            tags = {"exercise", "solution", "check"} & set(cell["metadata"].get("tags", []))
            assert len(tags) <= 1, f"{tutorial.name}: {tags} on one cell"
            yield next(iter(tags), ""), "".join(cell["source"])


@pytest.mark.parametrize("tutorial", TUTORIALS, ids=lambda path: path.stem)
def test_each_exercise_fails_unsolved_and_passes_solved(tutorial, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    names = {"__name__": "__main__"}
    solution, exercises = None, 0
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        for tag, code in cells(tutorial):
            if tag == "solution":
                solution = code  # only after the check has seen the cell that nobody filled in
                continue
            if tag == "check":
                assert solution is not None, f"{tutorial.name}: a check without a solution\n{code}"
                with pytest.raises(AssertionError):
                    exec(compile(code, tutorial.name, "exec"), names)
                exec(compile(solution, tutorial.name, "exec"), names)
                solution, exercises = None, exercises + 1
            exec(compile(code, tutorial.name, "exec"), names)
    assert solution is None, f"{tutorial.name}: a solution that no check looks at"
    assert exercises, f"{tutorial.name} has no exercise that checks itself"


def test_copies_for_students_have_neither_solutions_nor_outputs(tmp_path):
    script = Path(__file__).parents[1] / "tutorials" / "student.py"
    subprocess.run([sys.executable, script, tmp_path], check=True, capture_output=True, env=os.environ)
    assert [path.name for path in sorted(tmp_path.iterdir())] == [path.name for path in TUTORIALS]
    for path, tutorial in zip(sorted(tmp_path.iterdir()), TUTORIALS, strict=True):
        kept = list(cells(path))
        assert [code for _, code in kept] == [code for tag, code in cells(tutorial) if tag != "solution"]
        copied = json.loads(path.read_text(encoding="utf-8"))
        assert not any(cell.get("outputs") for cell in copied["cells"])


def test_strict_validation_forgives_rounding_and_nothing_else():
    printed = runpy.run_path(str(TUTORIALS[0].with_name("conftest.py")))["Printed"]
    ours = "painted: Picture(160×240, mean 0.54 0.61 0.59)\napart by 0.54"
    assert printed(ours) == printed(ours.replace("mean 0.54 0.61", "mean 0.55 0.60"))
    for changed in ("mean 0.51 0.58 0.56", "mean 0.56 0.61 0.59", "mean 0.54 0.61"):
        assert printed(ours) != printed(ours.replace("mean 0.54 0.61 0.59", changed))
    assert printed(ours) != printed(ours.replace("160×240", "240×160"))
    assert printed(ours) != printed(ours.replace("apart by 0.54", "apart by 0.55"))
