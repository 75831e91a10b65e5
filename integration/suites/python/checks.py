"""Runs a list of named checks against a broker and prints one line for each: CHECK verdict milliseconds name reason."""

import asyncio
import inspect
import os
import re
import signal
import sys
import time
import traceback
import uuid

PATIENCE = 60  # seconds that one check may take

_checks = []
BOOTSTRAP = sys.argv[1] if len(sys.argv) > 1 else "127.0.0.1:9092"


def check(name):
    def add(function):
        _checks.append((name, function))
        return function
    return add


def fresh(kind):
    """A name that no other check uses."""
    return "%s-%s" % (kind, uuid.uuid4().hex[:10])


def same(got, want, what=""):
    if got != want:
        raise AssertionError("%s: got %.400r, want %.400r" % (what, got, want))


def until(ask, what, seconds=20):
    """Asks again until the answer is true, and gives it."""
    end = time.time() + seconds
    while time.time() < end:
        answer = ask()
        if answer:
            return answer
        time.sleep(0.1)
    raise AssertionError("not within %d s: %s" % (seconds, what))


def refused(call, *names):
    """The call must fail with an error whose type or text holds one of the names."""
    try:
        got = call()
    except Exception as e:
        text = "%s %s" % (type(e).__name__, e)
        if any(n in text for n in names):
            return
        raise AssertionError("want %s, got %.300s" % (" or ".join(names), text))
    raise AssertionError("want %s, got an answer: %.300r" % (" or ".join(names), got))


def _late(*_):
    raise TimeoutError("not done within %d s" % PATIENCE)


def _run(function):
    if inspect.iscoroutinefunction(function):
        asyncio.run(asyncio.wait_for(function(), PATIENCE))
        return
    signal.alarm(PATIENCE)
    try:
        function()
    finally:
        signal.alarm(0)


def main():
    only = re.compile(os.environ.get("ONLY", ""))
    signal.signal(signal.SIGALRM, _late)
    for name, function in _checks:
        if not only.search(name):
            continue
        start, verdict, why = time.time(), "pass", ""
        try:
            _run(function)
        except BaseException as e:
            verdict, why = "fail", "%s: %s" % (type(e).__name__, e)
            traceback.print_exc()
        print("CHECK", verdict, int((time.time() - start) * 1000), name, " ".join(why.split()), flush=True)
    os._exit(0)  # a client's threads that hang must not keep the process
