"""The name of a thread, which is given or made up, and the number that it has from its start on."""

from ungil.threading import Thread, current_thread, main_thread


def say_who():
    """Print the name of the thread that calls."""
    print("this is", current_thread().name)


if __name__ == "__main__":
    for thread in (Thread(target=say_who, name="worker"), Thread(target=say_who)):
        print(thread.name, "has the number", thread.ident)
        thread.start()
        thread.join()
        print("its number is not the main thread's:", thread.ident != main_thread().ident)
