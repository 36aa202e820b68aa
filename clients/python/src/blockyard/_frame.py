"""Lists as frames of pandas."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from ._model import Model

if TYPE_CHECKING:
    import pandas


def frame(items: Iterable[Model]) -> "pandas.DataFrame":
    """A row for each, a column for each member; what is in an object has its own: `metadata.rows`."""
    try:
        import pandas
    except ModuleNotFoundError as missing:
        raise ModuleNotFoundError("to_frame() needs pandas: pip install 'blockyard-client[pandas]'") from missing
    return pandas.json_normalize([item.model_dump(exclude_unset=True) for item in items], max_level=1)
