"""What every generated answer is."""

from pydantic import BaseModel, ConfigDict


class Model(BaseModel):
    """An answer as it came. What a newer service has added is there as well, as an attribute without a type."""

    # Frozen, so that nobody believes that setting a member changes the registry; `model_` is no reserved word of the service's.
    model_config = ConfigDict(extra="allow", frozen=True, populate_by_name=True, protected_namespaces=())
