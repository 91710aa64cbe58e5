"""What every step of a run has around it: the lock, its time, another try where that helps, one cause."""

from collections.abc import Iterator
from contextlib import contextmanager

import dagster as dg

from orchestration.operations.failures import BUILD_IS_OPEN_ELSEWHERE, PASSING
from orchestration.operations.lock import writing
from orchestration.settings import Settings, read_settings, saved_settings
from orchestration.warehouse.build_folder import landed_files, stop_when_raw_changed, timed

RETRIES = 3
FIRST_WAIT_SECONDS = 2.0  # then 4, then 8


class Writer(dg.ConfigurableResource["Writer"]):
    """The lock of KEIZOKU_HOME, from the first step of a run to its last."""

    @contextmanager
    def yield_for_execution(self, context: dg.InitResourceContext) -> Iterator["Writer"]:
        """Hold it for as long as the run lasts."""
        with writing(read_settings().home, "refresh"):
            yield self


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
