"""Pictures in notebooks: shown, compared, swept over values, tuned with sliders, watched as they grow."""

from .contact import Tile, contact_sheet, first_line, seconds
from .live import Live, plot
from .notebook import Comparison, Sheet, compare, show, sweep, tune

__all__ = [
    "Comparison",
    "Live",
    "Sheet",
    "Tile",
    "compare",
    "contact_sheet",
    "first_line",
    "plot",
    "seconds",
    "show",
    "sweep",
    "tune",
]
