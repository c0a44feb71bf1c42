"""Contact sheets: every picture in its place."""

import pytest
from PIL import Image

from impasto.notebook import Panel, contact_sheet


@pytest.mark.parametrize("count", [1, 2, 7, 13])
def test_no_panel_of_the_sheet_covers_another(count):
    given = [Panel("content", "", Image.new("RGB", (60, 40), (0, 0, 255)))] * 2
    panels = [Panel(f"method {index}", "1 s", Image.new("RGB", (60, 40), (255, 0, 0))) for index in range(count)]
    sheet = contact_sheet(given, panels, "note")
    whole = 320 * 213
    pixels = {colour: number for number, colour in sheet.getcolors(maxcolors=1 << 24)}
    assert pixels[(255, 0, 0)] == count * whole
    assert pixels[(0, 0, 255)] == 2 * whole
