"""Where a server listens and who comes in: this machine alone, unless a token is asked for."""

import pytest

import impasto
from impasto.web import Settings

TOKEN = "correct-horse-battery"


def test_a_server_is_for_this_machine_alone():
    assert Settings().is_loopback
    with pytest.raises(impasto.ParameterError, match=r"a token is needed\n  what to type: token='\S{20,}'"):
        Settings(host="0.0.0.0")
    assert not Settings(host="0.0.0.0", token=TOKEN).is_loopback


@pytest.mark.parametrize("bad", [{"token": "short"}, {"token": "ü" * 20}, {"port": 70000}, {"workers": -1}])
def test_what_does_not_fit_is_refused_with_what_would(bad):
    with pytest.raises(impasto.ParameterError, match="what would work"):
        Settings(**bad)


@pytest.mark.parametrize(
    ("settings", "host", "comes"),
    [
        ({}, "127.0.0.1:8765", True),
        ({}, "localhost", True),
        ({}, "[::1]:8765", True),
        ({}, "", False),
        ({}, "evil.example", False),
        ({}, "localhost.evil.example", False),
        ({}, "192.168.1.7:8765", False),
        ({"host": "0.0.0.0", "token": TOKEN}, "192.168.1.7:8765", True),
        ({"host": "0.0.0.0", "token": TOKEN}, "evil.example", False),  # which may lead here, and then elsewhere
        ({"host": "studio.example", "token": TOKEN}, "studio.example:8765", True),
    ],
)
def test_a_name_that_others_can_point_here_is_no_name_of_the_server(settings, host, comes):
    assert Settings(**settings).allows_host(host) is comes
