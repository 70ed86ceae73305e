"""Two processes and a pipe between them: one says ping, the other pong."""

from ungil.multiprocessing import Pipe, Process


def ponger(conn):
    """Answer each message until there are no more."""
    while True:
        try:
            message = conn.recv()
        except EOFError:
            break
        conn.send(message.replace("ping", "pong"))


if __name__ == "__main__":
    parent_conn, child_conn = Pipe()
    process = Process(target=ponger, args=(child_conn,))
    process.start()
    # The child has it now: with this copy open, its end would never come.
    child_conn.close()
    for number in range(3):
        parent_conn.send(f"ping {number}")
        print(parent_conn.recv())
    parent_conn.close()
    process.join()
    print("exit code", process.exitcode)
