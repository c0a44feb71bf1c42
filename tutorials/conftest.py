"""What the strict validation of lessons forgives, a mean colour that another processor rounds the other way; and what
it adds: the check of an exercise refuses the cell that nobody filled in."""

import re

from nbval.plugin import IPyNbCell

MEAN = re.compile(r"(?<=mean )\d\.\d\d(?: \d\.\d\d)*")
"""As the text form of pictures has it, to two decimals."""
ROUNDING = 0.011

cleaned_by_nbval = IPyNbCell.sanitize


class Printed(str):
    """What a cell printed; another is the same if it has the same words and every mean is the same or the next."""

    def __eq__(self, other):
        own, others = (" ".join(MEAN.findall(text)).split() for text in (self, other))
        return (
            MEAN.sub("MEAN", self) == MEAN.sub("MEAN", other)
            and len(own) == len(others)
            and all(abs(float(a) - float(b)) <= ROUNDING for a, b in zip(own, others, strict=True))
        )

    def __ne__(self, other):
        return not self == other

    __hash__ = str.__hash__


def sanitize(cell, printed):
    """Clean what a cell printed, and let it be compared as `Printed` does."""
    cleaned = cleaned_by_nbval(cell, printed)
    return Printed(cleaned) if isinstance(cleaned, str) else cleaned


IPyNbCell.sanitize = sanitize  # nbval has no setting for a tolerance


class UnsolvedCell(IPyNbCell):
    """The check of an exercise, run before its solution; it has to refuse."""

    def runtest(self):
        """Run the check in the lesson's kernel, and fail unless that is an `AssertionError`."""
        super().runtest()
        errors = [output["ename"] for output in self.test_outputs if output["output_type"] == "error"]
        if errors != ["AssertionError"]:
            self.raise_cell_error(f"The check has to refuse the exercise that nobody filled in, and gave {errors}")


def has_tag(item, tag):
    """Return whether an item is a cell with a tag."""
    return isinstance(item, IPyNbCell) and tag in item.cell.metadata.get("tags", ())


def pytest_collection_modifyitems(items):
    """Before each solution, let the check that comes after it see the exercise as it is handed out."""
    collected = []
    for item, following in zip(items, [*items[1:], None], strict=True):
        if has_tag(item, "solution") and has_tag(following, "check"):
            cell = following.cell.copy()
            cell.update(outputs=[], execution_count=None)
            options = following.options | {"check": False, "check_exception": True}
            name, number = f"{following.name} unsolved", following.cell_num
            collected.append(
                UnsolvedCell.from_parent(item.parent, name=name, cell_num=number, cell=cell, options=options)
            )
        collected.append(item)
    items[:] = collected
