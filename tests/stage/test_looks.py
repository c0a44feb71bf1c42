"""Looks as data: read from TOML, and refused in words where they are none."""

import pytest

from impasto import ParameterError
from impasto.stage import Look, read_looks


def test_looks_are_read_in_the_order_of_the_file(tmp_path):
    file = tmp_path / "looks.toml"
    file.write_text(
        "[pale]\nsummary = 'a'\nstages = 'adain'\nseconds = 2\n[bold]\nsummary = 'b'\nstages = 'wct'\nsuits = 'x'\n"
    )
    assert list(read_looks(file).items()) == [
        ("pale", Look("a", "adain", seconds=2)),
        ("bold", Look("b", "wct", suits="x")),
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[pale", "is no TOML"),
        ("pale = 3", "'pale' is no look"),
        ("[pale]\nsummary = 'a'", "a table with summary and stages"),
        ("[pale]\nsummary = 'a'\nstages = ' '", "a look without stages"),
        ("[pale]\nsummary = 'a'\nstages = 'b'\nsuit = 'c'", "did you mean 'suits'"),
        ("[pale]\nsummary = 3\nstages = 'b'", "summary = 3\n  what would work: text"),
        ("[pale]\nsummary = 'a'\nstages = 'b'\nseconds = true", "what would work: a number"),
    ],
)
def test_what_is_no_look_is_refused_in_words(tmp_path, text, message):
    (tmp_path / "looks.toml").write_text(text)
    with pytest.raises(ParameterError, match=f"(?s){message}"):
        read_looks(tmp_path / "looks.toml")


def test_paint_takes_a_look_or_stages(tmp_path, capsys):
    from impasto import cli

    assert cli.main(["paint", "a.jpg", "-o", "b.png", "--look", "drawing", "--with", "adain"]) == 2
    assert "--look or --with" in capsys.readouterr().err
