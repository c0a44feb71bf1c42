"""Pictures in notebooks: shown, compared, swept over values, tuned with widgets, watched as they grow."""

from .comparison import Comparison, compare
from .contact import Panel, contact_sheet, first_line, seconds
from .live import Live, plot
from .parameter_sweep import parameter_place, sweep, swept
from .sheet import Sheet, show
from .tuning import tune

__all__ = [
    "Comparison",
    "Live",
    "Panel",
    "Sheet",
    "compare",
    "contact_sheet",
    "first_line",
    "parameter_place",
    "plot",
    "seconds",
    "show",
    "sweep",
    "swept",
    "tune",
]
