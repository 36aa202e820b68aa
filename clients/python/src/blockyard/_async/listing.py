"""Lists, page by page."""

from collections.abc import AsyncIterator, Callable
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from .._frame import frame
from .._model import Model
from .api import AsyncApi

if TYPE_CHECKING:
    import pandas

M = TypeVar("M", bound=Model)


class AsyncListing(Generic[M]):
    """A list that is read while it is gone through, 200 items at a time; each time anew."""

    def __init__(self, api: AsyncApi, path: str, filters: dict[str, Any], read: Callable[[Any], M]) -> None:
        self._api, self._path, self._filters, self._read = api, path, filters, read

    async def __aiter__(self) -> AsyncIterator[M]:
        cursor: str | None = None
        while True:
            page = await self._api.ask("GET", self._path, params={"limit": 200, **self._filters, "cursor": cursor})
            for item in page["items"]:
                yield self._read(item)
            cursor = page.get("next_cursor")
            if cursor is None:
                return

    async def first(self) -> M | None:
        """The first one, if there is any."""
        page = await self._api.ask("GET", self._path, params={**self._filters, "limit": 1})
        return self._read(page["items"][0]) if page["items"] else None

    async def all(self) -> list[M]:
        """All of them."""
        return [item async for item in self]

    async def to_frame(self) -> "pandas.DataFrame":
        """All of them as a frame of pandas; what is in an object has a column of its own: `metadata.rows`."""
        return frame(await self.all())
