"""Copies of the lessons: students get no answers, teachers everything, nbgrader its own form."""

import json
import re

import pytest

from impasto.cli import main
from impasto.errors import ParameterError
from impasto.lessons import lesson_files, write_lessons

LINK = re.compile(r"\]\((?!https?:|#|attachment:)([^)#\s]+)")


def cells(file, tag=None):
    every = json.loads(file.read_text(encoding="utf-8"))["cells"]
    return [cell for cell in every if tag is None or tag in cell["metadata"].get("tags", [])]


def code(cell):
    return "".join(cell["source"])


def test_copies_for_students_have_no_answer_anywhere(tmp_path):
    assert main(["lessons", str(tmp_path / "class"), "--student"]) == 0
    files = sorted((tmp_path / "class").iterdir())
    assert [file.name for file in files] == [file.name for file in lesson_files()]
    for file, lesson in zip(files, lesson_files(), strict=True):
        copied = file.read_text(encoding="utf-8")
        assert not cells(file, "solution")
        assert not any(cell.get("outputs") for cell in cells(file))
        for hidden in ("solution", "check"):
            for cell in cells(lesson, hidden):
                assert json.dumps(code(cell), ensure_ascii=False)[1:-1] not in copied
        calls = [code(cell).split("\n")[-1] for cell in cells(file, "check")]
        assert calls == [f"check({int(file.name[:2])}, {number})" for number in range(1, len(calls) + 1)]


@pytest.mark.parametrize("edition", ["student", "teacher"])
def test_every_link_in_a_copy_leads_to_a_file_that_comes_with_it(tmp_path, edition):
    written = write_lessons(tmp_path, edition)
    texts = {file: file.read_text(encoding="utf-8") for file in written if file.suffix in (".ipynb", ".md")}
    dead = {
        (file.name, link)
        for file, text in texts.items()
        for link in LINK.findall(text)
        if not (file.parent / link).exists()
    }
    assert dead == set()


def test_teachers_get_outputs_answers_and_what_validates_the_notebooks(tmp_path):
    written = write_lessons(tmp_path)
    assert {"README.md", "conftest.py", "sanitize.cfg"} <= {file.name for file in written}
    for lesson in lesson_files():
        assert [code(cell) for cell in cells(tmp_path / lesson.name, "solution")]
        assert sum("outputs" in cell for cell in cells(tmp_path / lesson.name)) > 10
        assert (tmp_path / "teachers" / f"{lesson.stem}.md").is_file()


def test_an_assignment_of_nbgrader_marks_solutions_and_hides_checks(tmp_path):
    write_lessons(tmp_path, "nbgrader")
    for file, lesson in zip(sorted(tmp_path.glob("*.ipynb")), lesson_files(), strict=True):
        settings = [cell["metadata"]["nbgrader"] for cell in cells(file) if "nbgrader" in cell["metadata"]]
        assert sum(one.get("points", 0) for one in settings) == len(cells(lesson, "check"))
        assert len({one["grade_id"] for one in settings}) == len(settings)


def test_a_folder_in_which_students_have_worked_is_not_written_over(tmp_path):
    (tmp_path / "01-first-picture.ipynb").write_text("my work")
    with pytest.raises(ParameterError, match="another folder"):
        write_lessons(tmp_path, "student")
    assert (tmp_path / "01-first-picture.ipynb").read_text() == "my work"


def test_an_edition_that_there_is_not_is_refused(tmp_path):
    with pytest.raises(ParameterError, match="teacher, student, nbgrader"):
        write_lessons(tmp_path, "pupil")
