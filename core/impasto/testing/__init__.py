"""The conformance kit: what every stage promises to the people who chain it with others, as checks.

In a notebook, `check_stage(AdaIN())`; in a plugin's tests, one line, `@parametrize_checks(AdaIN())`.
"""

from ..networks import small_tiles
from .accelerated_trainings import trains_on_an_accelerator
from .accelerator import PretendAccelerator
from .conformance import (
    CHECKS,
    SUITES,
    check_decoder,
    check_encoder,
    check_metric,
    check_reader,
    check_stage,
    check_statistic,
    check_trainer,
    check_watcher,
    parametrize_checks,
)
from .declaration import (
    declares_its_weights,
    has_a_summary_and_helpful_parameters,
    has_presets_that_differ,
    is_announced_by_its_distribution,
    refuses_what_is_out_of_range,
    survives_toml_and_repr,
)
from .harness import (
    SEED,
    picture,
)
from .painting import (
    goes_as_far_as_its_strength,
    keeps_shape_dtype_and_range,
    leaves_its_inputs_alone,
    looks_at_no_hidden_colour,
    paints_above_its_working_size,
    repeats_itself_under_one_seed,
    says_what_is_wrong,
    stays_inside_the_mask,
    treats_each_image_of_a_batch_alone,
)
from .regions import each_region_has_its_own_style, tiles_equal_the_whole
from .streams import a_batch_is_as_one_by_one, a_second_stream_begins_anew, streams_as_it_paints_alone
from .suites import Suite, sentence
from .surroundings import (
    agrees_across_devices,
    does_not_mind_torchs_defaults,
    gives_the_same_bits_in_threads,
    leaves_the_process_as_it_found_it,
    runs_on_an_accelerator,
    works_in_bfloat16,
)

__all__ = [
    "CHECKS",
    "SEED",
    "SUITES",
    "PretendAccelerator",
    "Suite",
    "a_batch_is_as_one_by_one",
    "a_second_stream_begins_anew",
    "agrees_across_devices",
    "check_decoder",
    "check_encoder",
    "check_metric",
    "check_reader",
    "check_stage",
    "check_statistic",
    "check_trainer",
    "check_watcher",
    "declares_its_weights",
    "does_not_mind_torchs_defaults",
    "each_region_has_its_own_style",
    "gives_the_same_bits_in_threads",
    "goes_as_far_as_its_strength",
    "has_a_summary_and_helpful_parameters",
    "has_presets_that_differ",
    "is_announced_by_its_distribution",
    "keeps_shape_dtype_and_range",
    "leaves_its_inputs_alone",
    "leaves_the_process_as_it_found_it",
    "looks_at_no_hidden_colour",
    "paints_above_its_working_size",
    "parametrize_checks",
    "picture",
    "refuses_what_is_out_of_range",
    "repeats_itself_under_one_seed",
    "runs_on_an_accelerator",
    "says_what_is_wrong",
    "sentence",
    "small_tiles",
    "stays_inside_the_mask",
    "streams_as_it_paints_alone",
    "survives_toml_and_repr",
    "tiles_equal_the_whole",
    "trains_on_an_accelerator",
    "treats_each_image_of_a_batch_alone",
    "works_in_bfloat16",
]
