"""What every step of a run has around it: the lock, its time, another try where that helps, one cause."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import dagster as dg
from pydantic import PrivateAttr

from orchestration.operations.failures import BUILD_IS_OPEN_ELSEWHERE, PASSING
from orchestration.operations.lock import writing
from orchestration.settings import Settings, read_settings, saved_settings
from orchestration.warehouse.build_folder import landed_files, stop_when_raw_changed, timed

RETRIES = 3
FIRST_WAIT_SECONDS = 2.0  # then 4, then 8


class Writer(dg.ConfigurableResource["Writer"]):
    """The lock of KEIZOKU_HOME, from the first step of a run to its last."""

    _until_the_end: ExitStack = PrivateAttr()

    @contextmanager
    def yield_for_execution(self, context: dg.InitResourceContext) -> Iterator["Writer"]:
        """Give the lock back when the run ends."""
        with ExitStack() as self._until_the_end:
            yield self

    def hold(self) -> None:
        """Take the lock, in a step: a run that fails before its first step is one that Dagster tries again itself."""
        self._until_the_end.enter_context(writing(read_settings().home, "refresh"))


@contextmanager
def step(context: dg.AssetExecutionContext, name: str) -> Iterator[Settings]:
    """Run a step of the build that stands in KEIZOKU_HOME."""
    settings = saved_settings()
    with writing(settings.home, "refresh", build_id=settings.build_id), timed(settings, name):
        landed_files(settings)
        try:
            yield settings
        except Exception as error:
            stop_when_raw_changed(settings, error)
            try_again_later(context, error)
            raise


def try_again_later(context: dg.AssetExecutionContext, error: BaseException) -> None:
    """Ask Dagster to run the step again, after a while, when the fault is one that passes by itself."""
    if passes_by_itself(error) and context.retry_number < RETRIES:
        raise dg.RetryRequested(RETRIES, FIRST_WAIT_SECONDS * 2**context.retry_number) from error


def passes_by_itself(error: BaseException | None) -> bool:
    """Whether a fault is the machine's or the network's, not the data's: a busy file, a connection that broke."""
    while error:
        if isinstance(error, OSError) and error.errno in PASSING:
            return True
        if BUILD_IS_OPEN_ELSEWHERE in str(error):
            return True
        error = error.__cause__
    return False
