"""The executor of worker processes.

`executor.py` is what programs see, and `call.py` the options of its calls. `keeper.py` is the parent's side: it has
workers started, watches them and tells of their end, of which `worker_process.py` has what programs see. Workers are
forks of the process in `server.py`, which `server_process.py` starts, and run `worker.py`. `pickles.py` makes what goes
there and back: by name where the other side has it (`main_module.py`), or by value (`picklers.py`), with descriptors as
`descriptors.py` says; `explained.py` says what cannot go. `passing.py` is what goes there once, at the start, and
`identity.py` who a worker of a `multiprocessing.Pool` is. Which worker gets which call, and the way there, are in
`ungil._core`.
"""

__all__ = ()
