"""Write the copies that students get: no solutions, no outputs.

    python tutorials/student.py FOLDER [NOTEBOOK …]

Cells tagged `solution` are left out. Cells tagged `exercise` are what the student fills in, cells tagged `check` say
whether it is right.
"""

import argparse
import json
from pathlib import Path

HERE = Path(__file__).parent


def student_copy(notebook: dict) -> dict:
    """Return a notebook without its solutions and outputs."""
    cells = [cell for cell in notebook["cells"] if "solution" not in cell["metadata"].get("tags", [])]
    for cell in cells:
        if cell["cell_type"] == "code":
            cell["outputs"], cell["execution_count"] = [], None
    return notebook | {"cells": cells}


def main() -> None:
    """Write the copies."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="where the copies go, made if needed")
    parser.add_argument("notebooks", type=Path, nargs="*", help="which; all of this folder")
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    if options.folder.resolve() == HERE.resolve():
        parser.error("the copies would replace the tutorials; give another folder")
    for path in options.notebooks or sorted(HERE.glob("*.ipynb")):
        copied = student_copy(json.loads(path.read_text(encoding="utf-8")))
        (options.folder / path.name).write_text(json.dumps(copied, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        print(options.folder / path.name)


if __name__ == "__main__":
    main()
