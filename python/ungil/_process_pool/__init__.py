"""The executor of worker processes.

`executor.py` is what programs see, and `call.py` the options of its calls. `keeper.py` is the parent's side: it has
workers started, watches them and tells of their end. `server.py` runs in a process that imports once what workers need
and forks them; `worker.py` is what they run. `pickles.py` makes the pickles that go there and back. Which worker gets
which call, and the way there, are in `ungil._core`.
"""

__all__ = ()
