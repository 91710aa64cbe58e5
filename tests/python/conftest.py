"""What the tests share: the compiled project, once a session, and companies to build with it."""

import os
import shutil
import tempfile
from collections.abc import Callable

import hypothesis
import pytest
from builders import Company, Warehouse
from builders.refreshes import SHARED

# The same worlds on every run; KEIZOKU_TEST_EXAMPLES asks for more of them.
hypothesis.settings.register_profile(
    "keizoku",
    derandomize=True,
    deadline=None,
    print_blob=True,
    max_examples=int(os.environ.get("KEIZOKU_TEST_EXAMPLES", "25")),
    suppress_health_check=[hypothesis.HealthCheck.too_slow, hypothesis.HealthCheck.data_too_large],
)
hypothesis.settings.load_profile("keizoku")


def pytest_configure(config: pytest.Config) -> None:
    """Give all processes of the session one folder, in which a refresh that several tests read is made once."""
    if not hasattr(config, "workerinput"):
        os.environ[SHARED] = tempfile.mkdtemp(prefix="keizoku-tests-")


def pytest_unconfigure(config: pytest.Config) -> None:
    """Clear that folder away."""
    if not hasattr(config, "workerinput"):
        shutil.rmtree(os.environ.pop(SHARED), ignore_errors=True)


# A process takes a module at a time: those that take minutes begin first, so that no core ends alone with one of them.
LONGEST = ("test_dbt_project", "test_properties", "test_operations", "test_closing", "test_home", "test_billing")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the modules that take longest first, then those that refresh, then the rest."""
    places = {name: place for place, name in enumerate(LONGEST)}
    items.sort(key=lambda item: (places.get(item.path.stem, len(LONGEST)), item.path.parent.name != "end_to_end"))


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let `make documents` write what the documents show, where the tests would compare it."""
    parser.addoption("--write-documents", action="store_true", help="write figures and tables into the documents")


@pytest.fixture(scope="session")
def write_documents(request: pytest.FixtureRequest) -> bool:
    """True when documents are to be written anew rather than compared."""
    return request.config.getoption("--write-documents")


@pytest.fixture(scope="session")
def warehouse(tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    """The compiled project."""
    return Warehouse(tmp_path_factory.mktemp("warehouse"))


@pytest.fixture
def company(warehouse: Warehouse) -> Callable[..., Company]:
    """Makes a company as of a day."""

    def new(as_of: str, **settings: object) -> Company:
        return Company(warehouse, as_of, **settings)

    return new
