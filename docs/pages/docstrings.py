"""The example of a docstring, which Impasto writes under `Example:`, is shown as code with its output."""

from typing import Any

import griffe


class Examples(griffe.Extension):
    """Name the section as the parser does that knows doctests in it."""

    def on_instance(self, *, obj: griffe.Object, **_: Any) -> None:
        """Name the sections of a module's, class's or function's docstring as the parser knows them."""
        if obj.docstring:
            obj.docstring.value = obj.docstring.value.replace("\nExample:\n", "\nExamples:\n")
            if isinstance(obj, griffe.Class) and "NamedTuple" in map(str, obj.bases):
                obj.docstring.value = obj.docstring.value.replace("\nArgs:\n", "\nAttributes:\n")
