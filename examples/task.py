"""A thread is ended by a flag, which it looks at: killed from outside, it would leave files open and locks held."""

import time

from ungil.threading import Thread


class Task:
    """Work that goes on until it is told to end."""

    def __init__(self):
        self._running = True

    def terminate(self):
        """Ask for the end, which comes within a turn."""
        self._running = False

    def run(self, n):
        """Work in turns of `n` seconds."""
        print("started")
        while self._running:
            time.sleep(n)
        print("ended, with everything in its place")


if __name__ == "__main__":
    task = Task()
    thread = Thread(target=task.run, args=(0.01,))
    thread.start()
    task.terminate()
    thread.join()
