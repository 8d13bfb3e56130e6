"""Work on many accounts and Regions in threads."""

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

A = TypeVar("A")
T = TypeVar("T")

MAX_CONCURRENCY = 12
"""Accounts and Regions that are looked at at the same time. More than that wait for the processor, not for AWS."""


def in_threads(work: Callable[[A], T], items: Iterable[A]) -> list[T]:
    """What work comes to for each item, in their order. Whatever interrupts it, as Ctrl-C does, is not held up by items
    that have not begun."""
    executor = ThreadPoolExecutor(MAX_CONCURRENCY)
    try:
        return [*executor.map(work, items)]
    finally:
        executor.shutdown(wait=False, cancel_futures=True)
