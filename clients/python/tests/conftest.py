"""A registry of the tests' own; `just clients-test` serves it."""

import os
import uuid
from collections.abc import AsyncIterator, Callable, Iterator

import pytest
from blockyard import AsyncBlockyard, Blockyard


@pytest.fixture
def registry() -> Iterator[Blockyard]:
    if not {"BLOCKYARD_URL", "BLOCKYARD_API_KEY"} <= os.environ.keys():
        pytest.fail("The tests need a registry of their own: just clients-test")
    with Blockyard() as registry:
        yield registry


@pytest.fixture
async def aregistry() -> AsyncIterator[AsyncBlockyard]:
    async with AsyncBlockyard() as registry:
        yield registry


@pytest.fixture
def name() -> Callable[[str], str]:
    """A name that no other test has."""
    mark = uuid.uuid4().hex[:8]
    return lambda of: f"{of}-{mark}"
