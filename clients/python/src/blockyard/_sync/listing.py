"""Lists, page by page."""

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from .._frame import frame
from .._model import Model
from .api import Api

if TYPE_CHECKING:
    import pandas

M = TypeVar("M", bound=Model)


class Listing(Generic[M]):
    """A list that is read while it is gone through, 200 items at a time; each time anew."""

    def __init__(self, api: Api, path: str, filters: dict[str, Any], read: Callable[[Any], M]) -> None:
        self._api, self._path, self._filters, self._read = api, path, filters, read

    def __iter__(self) -> Iterator[M]:
        cursor: str | None = None
        while True:
            page = self._api.ask("GET", self._path, params={"limit": 200, **self._filters, "cursor": cursor})
            for item in page["items"]:
                yield self._read(item)
            cursor = page.get("next_cursor")
            if cursor is None:
                return

    def first(self) -> M | None:
        """The first one, if there is any."""
        page = self._api.ask("GET", self._path, params={**self._filters, "limit": 1})
        return self._read(page["items"][0]) if page["items"] else None

    def all(self) -> list[M]:
        """All of them."""
        return list(self)

    def to_frame(self) -> "pandas.DataFrame":
        """All of them as a frame of pandas; what is in an object has a column of its own: `metadata.rows`."""
        return frame(self.all())
