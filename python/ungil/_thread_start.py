"""The start of a thread that nothing may take back halfway: of the threads that ungil starts for itself.

`threading.Thread.start` takes whatever is raised while it runs for a thread that could not be started. The handler of a
signal may raise just after the system has started the thread: it then ends at once, with a KeyError of `threading`'s
own, and what it was to do is lost. Handlers run in the main thread alone, so that one has another start its threads.
"""

from __future__ import annotations

import _thread
import contextvars
import threading

from ungil import _core

__all__ = ("start_thread",)


def start_thread(thread: threading.Thread) -> None:
    """Start a thread; if a signal's handler raises meanwhile, it has been started all the same.

    Args:
        thread: one that has not been started.

    Raises:
        RuntimeError: the system has no thread for it, or it has been started before.
        BaseException: what a handler raised. The thread is alive then, unless the handler came before anything else.

    Example:
        >>> import threading
        >>> thread = threading.Thread(target=print, args=("started",))
        >>> start_thread(thread)
        >>> thread.join()
        started
    """
    if threading.get_ident() != threading.main_thread().ident:
        thread.start()
        return
    context = contextvars.copy_context()
    is_over = _core.Event()
    failures: list[BaseException] = []

    def start() -> None:
        try:
            context.run(thread.start)
        except BaseException as failure:
            failures.append(failure)
        finally:
            is_over.set()

    _thread.start_new_thread(start, ())
    try:
        is_over.wait()
    except BaseException:
        # Whoever is told of the interrupt may ask whether the thread is alive.
        is_over.wait()
        raise
    if failures:
        raise failures.pop()
