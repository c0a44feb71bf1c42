"""What strict validation forgives: a mean colour that another processor rounds the other way."""

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
