"""at_once.py: runs the commands of its input, as many at once as it is told, and shows what each of them printed when it is done.

A line of the input is a title, a tab, and a command. Ends with 0 only if all of them did. After the first that fails, none is begun.
"""

import concurrent.futures
import os
import signal
import subprocess
import sys
import threading
import time

running = set()
failed = threading.Event()


def run(title, command):
    """Whether the command ended well; it is not begun where another has failed."""
    if failed.is_set():
        return False
    began = time.monotonic()
    job = subprocess.Popen(
        ["bash", "-c", command],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace",
        # A group of its own, which can be told to end with all that it has begun.
        start_new_session=True,
    )
    running.add(job)
    output, _ = job.communicate()
    running.discard(job)
    took = int(time.monotonic() - began)
    # In one piece: others print, too.
    sys.stdout.write(f"\n== {title} (took {took // 60}:{took % 60:02})\n{output}")
    sys.stdout.flush()
    if job.returncode != 0:
        print(f"FAILED: {title}: it ended with {job.returncode}", file=sys.stderr, flush=True)
        failed.set()
    return job.returncode == 0


def interrupt(*_):
    """Tells all jobs to clean up and end, as a terminal does."""
    failed.set()
    for job in list(running):
        if job.poll() is None:
            os.killpg(job.pid, signal.SIGINT)


def main(lanes):
    jobs = [line.rstrip("\n").split("\t") for line in sys.stdin if line.strip()]
    if not jobs or any(len(job) != 2 for job in jobs):
        raise SystemExit("each line must be a title, a tab, and a command, and there must be one")
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        # What is ignored, such as the end of a terminal by nohup, stays so.
        if signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, interrupt)
    with concurrent.futures.ThreadPoolExecutor(int(lanes)) as lane:
        good = list(lane.map(lambda job: run(*job), jobs))
    raise SystemExit(0 if all(good) else 1)


if __name__ == "__main__":
    main(sys.argv[1])
