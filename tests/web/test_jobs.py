"""The queue is fair and bounded; what nobody asks for stops, what is old or too much goes."""

import asyncio
import dataclasses

import pytest

from impasto.web.jobs import Job, Jobs, TooManyJobsError
from impasto.web.messages import Message
from impasto.web.settings import Settings


def job(client, draft=False):
    return Job(client, Message({}, [b"picture"]), draft)


def taken(jobs, count):
    async def take():
        return [await asyncio.wait_for(jobs.next(), 1) for _ in range(count)]

    return asyncio.run(take())


def test_clients_take_turns_and_drafts_wait():
    jobs = Jobs(Settings())
    mine = [job("a") for _ in range(3)]
    draft, theirs = job("c", draft=True), [job("b") for _ in range(2)]
    for one in (draft, *mine, *theirs):
        jobs.add(one)
    assert taken(jobs, 6) == [mine[0], theirs[0], mine[1], theirs[1], mine[2], draft]


def test_a_job_whose_worker_died_comes_first():
    jobs = Jobs(Settings())
    first, second = job("a"), job("a")
    jobs.add(first)
    jobs.add(second)
    assert taken(jobs, 1) == [first]
    jobs.put_back(first)
    assert taken(jobs, 2) == [first, second]


def test_a_queue_has_an_end():
    jobs = Jobs(dataclasses.replace(Settings(), waiting=3, waiting_each=2))
    jobs.add(job("a"))
    jobs.add(job("a"))
    with pytest.raises(TooManyJobsError, match="of yours"):
        jobs.add(job("a"))
    jobs.add(job("b"))
    with pytest.raises(TooManyJobsError, match="as many as this server takes"):
        jobs.add(job("c"))


def test_what_is_stopped_before_it_begins_is_never_painted():
    jobs = Jobs(Settings())
    first, second = job("a"), job("a")
    jobs.add(first)
    jobs.add(second)
    first.stop()
    assert taken(jobs, 1) == [second]
    assert (first.state, first.order) == ("stopped", None)


def test_what_nobody_asks_for_stops_and_what_is_old_or_too_much_goes():
    jobs = Jobs(dataclasses.replace(Settings(), kept_bytes=100, kept_seconds=50, patience=5))
    forgotten, watched, old, large, new = (job("a") for _ in range(5))
    for one in (forgotten, watched, old, large, new):
        jobs.add(one)
    forgotten.seen -= 10
    watched.seen -= 10
    watched.watchers = 1
    for one, size in ((old, 1), (large, 90), (new, 60)):
        one.picture = bytes(size)
        one.update("done")
    old.ended_at -= 100
    old.seen -= 100
    jobs.tidy()
    assert (forgotten.state, watched.state) == ("stopped", "waiting")
    assert [jobs.get(one.id) for one in (old, large, new)] == [None, None, new]
