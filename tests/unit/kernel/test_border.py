"""What a border lets through, and what it swallows and tells."""

import logging

import pytest

from kaname.kernel.border import survive

logger = logging.getLogger("border-test")


def test_a_defect_is_logged_with_its_traceback_and_kept(caplog: pytest.LogCaptureFixture) -> None:
    with survive(logger, "decoding entry %d of %s", 7, "100%") as decoding:
        raise ZeroDivisionError("oops")
    assert isinstance(decoding.fault, ZeroDivisionError)
    (record,) = caplog.records
    assert record.getMessage() == "decoding entry 7 of 100% failed; going on"
    assert record.levelno == logging.ERROR
    assert record.exc_info is not None
    assert "oops" in str(record.exc_info[1])


def test_nothing_happens_when_all_goes_well(caplog: pytest.LogCaptureFixture) -> None:
    with survive(logger, "x") as done:
        pass
    assert done.fault is None
    assert not caplog.records


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit, GeneratorExit])
def test_what_ends_a_process_ends_it(error: type[BaseException]) -> None:
    with pytest.raises(error), survive(logger, "x"):
        raise error


def test_the_callers_own_errors_pass(caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(FileNotFoundError), survive(logger, "x", passing=(OSError,)):
        raise FileNotFoundError
    assert not caplog.records
