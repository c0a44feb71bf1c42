"""What a notebook shows of classes, stages and styles: what each parameter does, and the picture instead of numbers."""

import inspect

import impasto
from impasto import Postprocessor, param


class Fade(Postprocessor, name="fade"):
    """Blend the painted image with the content.

    More than one line.

    Example:
        >>> 1 + 1
        2
    """

    amount: float = param(default=0.5, low=0, high=1, help="share of the content")
    side: str = param(default="left", choices=("left", "right"), help="where <it> begins")
    path: str = param(reads=True, help="the file")


def test_help_says_what_each_parameter_does():
    text = inspect.getdoc(Fade)
    assert Fade.summary() == "Blend the painted image with the content."
    assert "More than one line.\n\nArgs:\n    amount: share of the content (a number, 0 to 1; default 0.5)." in text
    assert "    side: where <it> begins (one of 'left', 'right'; default 'left')." in text
    assert "    path: the file (text)." in text
    assert text.index("Args:") < text.index("Example:")


def test_the_signature_spells_out_choices_and_types():
    assert str(inspect.signature(Fade)) == (
        "(*, amount: float = 0.5, side: Literal['left', 'right'] = 'left', path: str)"
    )


def test_a_stage_is_a_table_in_which_what_was_changed_is_bold():
    html = Fade(amount=0.25, path="a.txt")._repr_html_()
    assert "<b>0.25</b>" in html
    assert "<b>&#x27;left&#x27;</b>" not in html
    assert "where &lt;it&gt; begins" in html


def test_a_style_is_named_by_its_picture():
    style = impasto.Style(impasto.samples.style("wave", 32), weight=0.5, region="sky")
    assert repr(style) == "Style(Picture(32×32, mean 0.54 0.59 0.61), weight=0.5, region='sky')"
    assert style._repr_png_().startswith(b"\x89PNG")
