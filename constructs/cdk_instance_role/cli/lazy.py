"""A property that is worked out once, without a lock."""

from collections.abc import Callable
from typing import Any, Generic, TypeVar, overload

T = TypeVar("T")


class lazy(Generic[T]):  # noqa: N801  # it is used like a function
    """What `functools.cached_property` is since Python 3.12.

    Before that it had one lock for all objects of a class: a thread that works out a value for one account would wait
    for a thread that asks AWS about another one. https://docs.python.org/3/library/functools.html
    """

    def __init__(self, work_out: Callable[[Any], T]) -> None:
        self._work_out, self.__doc__ = work_out, work_out.__doc__

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    @overload
    def __get__(self, instance: None, owner: type) -> "lazy[T]": ...

    @overload
    def __get__(self, instance: object, owner: type) -> T: ...

    def __get__(self, instance: object | None, owner: type) -> "T | lazy[T]":
        if instance is None:
            return self
        found = self._work_out(instance)
        instance.__dict__[self._name] = found  # which is found before this the next time
        return found
