"""The flag of `task.py` made a thing: a thread gives its target a `StopToken`, by which the target is woken as well."""

from ungil.threading import StopToken, Thread


def run(n, token: StopToken):
    """Work in turns of `n` seconds: the thread adds its token to the arguments, since it is asked for."""
    print("started")
    while not token.wait(n):
        print("a turn is over")
    return "ended, with everything in its place"


if __name__ == "__main__":
    thread = Thread(target=run, args=(3600,))
    thread.start()
    thread.stop()  # ends the wait of an hour
    print(thread.result())
