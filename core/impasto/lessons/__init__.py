"""The lessons: written into a folder, for teachers or for students, and the exercises of the latter checked."""

from .checking import check, points
from .copies import EDITIONS, write_lessons
from .notebooks import lesson_files, lessons_folder
from .translation import LANGUAGES, Translation, read_translation

__all__ = [
    "EDITIONS",
    "LANGUAGES",
    "Translation",
    "check",
    "lesson_files",
    "lessons_folder",
    "points",
    "read_translation",
    "write_lessons",
]
