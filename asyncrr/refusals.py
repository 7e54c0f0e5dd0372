"""Bad data that a constructor is given: it is told where the object is used, so that making one breaks no service."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NoReturn, Self

from asyncrr.errors import DataError, MissingExtraError, UsageError

__all__ = ["Deferring", "Refusable", "RefusedError", "is_strict_everywhere", "refusal_text"]


class RefusedError(DataError, AttributeError):
    """A value is asked of an object whose constructor refused what it was given."""


def is_strict_everywhere() -> bool:
    """Whether ``ASYNCRR_STRICT`` is on: then a constructor raises at once what it refuses."""
    return os.environ.get("ASYNCRR_STRICT", "").lower() in ("1", "true", "on")


def refusal_text(name: str, error: Exception) -> str:
    """What is wrong with the values that `name` was made of.

    Raises:
        Exception: `error` itself, where it is no matter of data, or ``ASYNCRR_STRICT`` is on.
    """
    if isinstance(error, UsageError | MissingExtraError) or is_strict_everywhere():
        raise error
    return str(error) if isinstance(error, DataError) else f"{name}: {type(error).__name__}: {error}"


class Refusable:
    """An object that may be made of bad data: it then holds nothing but the reason.

    Logging it warns or, under ``strict``, raises. With ``ASYNCRR_STRICT=1`` its constructor raises already.
    """

    __slots__ = ("_refusal",)

    _refusal: str

    def _refuse(self, error: Exception) -> None:
        """Keep why the constructor refused; of several reasons the first."""
        text = refusal_text(type(self).__name__, error)
        if getattr(self, "_refusal", None) is None:
            self._refusal = text

    def _check(self) -> None:
        """Tell of bad data that this was made of.

        Raises:
            DataError: It was.
        """
        refusal = getattr(self, "_refusal", None)
        if refusal is not None:
            raise RefusedError(refusal)

    def _content(self) -> str:
        """What stands between the parentheses of its ``repr``."""
        raise NotImplementedError

    def __repr__(self) -> str:
        refusal = getattr(self, "_refusal", None)
        return f"{type(self).__name__}({self._content() if refusal is None else f'<refused: {refusal}>'})"


class Deferring(Refusable):
    """An object whose subclasses' constructors need not mind: what they raise is kept for later."""

    __slots__ = ()

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        if "__init__" in cls.__dict__:
            setattr(cls, "__init__", _deferring(cls.__init__))  # noqa: B010 - type checkers need not know

    @classmethod
    def _refused(cls, error: Exception) -> Self:
        """One of which nothing but the reason is known."""
        self = cls.__new__(cls)
        self._refuse(error)
        return self

    if not TYPE_CHECKING:  # else any name would do

        def __getattr__(self, name: str) -> Any:
            """Asked only for what is not there: all that a refused object would have."""
            self._missing(name)

    def _missing(self, name: str) -> NoReturn:
        if name != "_refusal" and not name.startswith("__"):
            self._check()
        raise AttributeError(f"{type(self).__name__} has no attribute {name!r}")


def _deferring(init: Callable[..., None]) -> Callable[..., None]:
    @functools.wraps(init)
    def deferred(self: Deferring, *args: Any, **kwargs: Any) -> None:
        try:
            init(self, *args, **kwargs)
        except Exception as error:
            trace = error.__traceback__
            if isinstance(error, TypeError) and trace is not None and trace.tb_next is None:
                raise  # the call itself does not fit the signature
            self._refuse(error)

    return deferred
