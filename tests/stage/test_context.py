"""What is remembered of the styles for all frames of a stream is computed once."""

from functools import partial

import torch

from impasto.stage import RunContext, StreamMemo, remember


def test_what_is_remembered_is_computed_once_and_forgotten_when_a_frame_does_not_ask_for_it():
    computed = []

    def total(times):
        computed.append(times)
        return given.sum() * times

    memo, given = StreamMemo(), torch.ones(3)

    def frame(*asked):
        memo.next_frame()
        with RunContext(memo=memo):
            return [remember(given, ("total", times), partial(total, times)).item() for times in asked]

    assert frame(2) == frame(2) == [6]
    assert computed == [2]
    assert frame(2, 3) == [6, 9]
    assert frame(3) == frame(3) == [9]
    assert computed == [2, 3]
    assert frame(2) == [6]
    assert computed == [2, 3, 2]
    assert remember(given, ("total", 2), partial(total, 2)) == 6
    assert computed == [2, 3, 2, 2]


def test_what_is_remembered_of_one_tensor_is_not_taken_for_another():
    memo = StreamMemo()
    for value in range(20):
        memo.next_frame()
        tensor = torch.full((3,), float(value))
        with RunContext(memo=memo):
            assert remember((tensor, None), "mean", tensor.mean) == value
