"""A program that runs on until there are snapshots of it, for the tests of recordings.

    long_run.py WORD…

    wait=N        until N files *.tonnage of this process or of others are in the current folder
    signal=NAME   sends itself a signal
    grow=MIB      takes memory
    every=S       begins a recording in code, into code.tonnage
    fork          makes a child that ends as programs do; fork-hard: by os._exit
    exec          runs this program, with nothing to do, as another process
    atexit        registers a handler that prints
    pool=METHOD   a multiprocessing pool of two processes, each of which is used
    exit=CODE     ends
"""

import atexit
import glob
import os
import signal
import subprocess
import sys
import time

kept = []


def wait(n):
    end = time.monotonic() + 100
    while len(glob.glob("*.tonnage")) < int(n):
        if time.monotonic() > end:
            sys.exit(f"there are only {glob.glob('*.tonnage')}")
        time.sleep(0.01)


def fork(hard=False):
    sys.stdout.flush()
    child = os.fork()
    if child == 0:
        if hard:
            os._exit(0)
        print("child ends")
        sys.exit(0)
    assert os.waitpid(child, 0)[1] == 0


def process_id(n):
    open(f"works-{os.getpid()}", "w").close()
    while len(glob.glob("works-*")) < 2:  # so that both get work
        time.sleep(0.01)
    return os.getpid()


def pool(method):
    import multiprocessing

    workers = multiprocessing.get_context(method).Pool(2)
    print("workers", len(set(workers.map(process_id, range(4), chunksize=1))))
    workers.close()
    workers.join()


def main():
    for word in sys.argv[1:]:
        name, _, value = word.partition("=")
        if name == "wait":
            wait(value)
        elif name == "signal":
            os.kill(os.getpid(), getattr(signal, value))
        elif name == "grow":
            kept.append(b"x" * (int(value) << 20))
        elif name == "every":
            import tonnage

            tonnage.every(value, "code.tonnage")
        elif name in ("fork", "fork-hard"):
            fork(name == "fork-hard")
        elif name == "exec":
            subprocess.run([sys.executable, __file__], check=True)
        elif name == "atexit":
            atexit.register(print, "my handler")
        elif name == "pool":
            pool(value)
        elif name == "exit":
            sys.exit(int(value))
        else:
            raise SystemExit(f"unknown word {word}")


if __name__ == "__main__":
    main()
    print("end")
