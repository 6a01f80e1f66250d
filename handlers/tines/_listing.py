"""A whole listing: its records, each once, and what is known to be missing from it."""

from collections.abc import Iterable
from typing import Self, TypeVar

T = TypeVar("T")


class Listing(tuple[T, ...]):  # noqa: SLOT001 - a subclass of tuple cannot have slots and fields
    """The records of a listing, in Tines's order, as a tuple that also tells what it lacks."""

    unreadable: int  # records that were there but could not be read
    complete: bool  # False: there was more than is ever read of one listing

    @classmethod
    def of(cls, records: Iterable[T], *, unreadable: int = 0, complete: bool = True) -> Self:
        """Return these records as a listing."""
        listing = cls(records)
        listing.unreadable = unreadable
        listing.complete = complete
        return listing

    @property
    def whole(self) -> bool:
        """Whether every record that is there is here: only then does a missing one mean that there is none."""
        return self.complete and not self.unreadable
