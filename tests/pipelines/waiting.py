# SPDX-License-Identifier: LGPL-2.1-or-later
"""Waiting for a condition."""

import threading
import time


def until(what, condition, seconds=20):
    """Polls `condition` until it is true; returns its value. Fails with `what`, a text or a function
    that returns one, after so many seconds."""
    deadline = time.monotonic() + seconds
    while True:
        result = condition()
        if result:
            return result
        if time.monotonic() > deadline:
            raise AssertionError(what() if callable(what) else what)
        threading.Event().wait(0.05)
