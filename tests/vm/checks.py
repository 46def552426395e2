# SPDX-License-Identifier: BSD-3-Clause
"""Run test functions one after the other, each with a time limit, and say what came of it.

    def test_something():
        "what is checked, shown to whoever reads the output"
        expect(rc, 0, "exit code")

    if __name__ == "__main__":
        checks.main([test_something], timeout=120)

A test passes when it returns, is skipped when something is missing (errors.Missing), and fails by
any other exception. The program exits with 0, or 1 when a test failed, or 77 when all were skipped.
Arguments on the command line choose tests by name.
"""

import functools
import signal
import sys
import time
import traceback

import children
from errors import Missing


class TestTimeout(Exception):
    """A test did not end within its limit."""


def expect(value, wanted, what):
    """Check that two values are equal."""
    if value != wanted:
        raise AssertionError(f"{what}: got {shorten(value)}, expected {shorten(wanted)}")


def shorten(value):
    text = repr(value)
    return text if len(text) < 400 else f"{text[:200]} ... {text[-200:]} ({len(text)} characters)"


def expect_raises(kind, function, *args, **kwargs):
    """Check that a call raises an exception of this kind; returns it."""
    try:
        function(*args, **kwargs)
    except kind as error:
        return error
    raise AssertionError(f"no {kind.__name__} came from {function.__name__}")


def case(function, **arguments):
    """A test function with arguments, named after them, for tests that run for several machines."""
    test = functools.partial(function, **arguments)
    test.__name__ = f"{function.__name__}[{','.join(map(str, arguments.values()))}]"
    test.__doc__ = function.__doc__
    return test


def run_test(test, timeout):
    """Run one test; returns PASS, FAIL or SKIP."""
    def expired(_number, _frame):
        raise TestTimeout(f"the test took more than {timeout} s")

    signal.signal(signal.SIGALRM, expired)
    signal.alarm(timeout)
    try:
        test()
        return "PASS"
    except Missing as missing:
        print(f"  {missing}", flush=True)
        return "SKIP"
    except Exception:  # any other is a failed test too, and the next one shall still run
        traceback.print_exc(file=sys.stdout)
        return "FAIL"
    finally:
        signal.alarm(0)


def main(tests, timeout=120):
    """Run the tests, print a line for each and the sum, and exit."""
    children.leave_with_statements_on_signals()
    names = sys.argv[1:]
    chosen = [test for test in tests if not names or test.__name__.split("[")[0] in names
              or test.__name__ in names]
    if not chosen:
        sys.exit(f"no such test; there are: {' '.join(test.__name__ for test in tests)}")
    results = []
    for test in chosen:
        what = (test.__doc__ or "").strip().splitlines()[:1]
        print(f"{test.__name__}: {''.join(what)}", flush=True)
        start = time.monotonic()
        results.append(run_test(test, timeout))
        print(f"{results[-1]} {test.__name__} ({time.monotonic() - start:.1f} s)", flush=True)
    count = results.count
    print(f"{count('PASS')} passed, {count('FAIL')} failed, {count('SKIP')} skipped")
    sys.exit(1 if "FAIL" in results else 77 if count("SKIP") == len(results) else 0)
