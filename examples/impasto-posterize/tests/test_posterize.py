from impasto.testing import parametrize_checks
from impasto_posterize import Posterize


@parametrize_checks(Posterize(), Posterize(levels=2))
def test_posterize(stage, check):
    check(stage)
