"""Run by `unshare --net`: two network namespaces of its own, a wire between them, and PostgreSQL behind its far end.
The wire is cut under a connection; says what the warehouse says to that, and after how long."""

import json
import subprocess
import sys
import time
from pathlib import Path

from faults.relay import Relay

from headwater.errors import HeadwaterError
from headwater.warehouse.postgres import PostgresWarehouse

NEAR, FAR = "10.77.0.1", "10.77.0.2"


def run(command: str) -> None:
    for one in command.split(";"):
        subprocess.run(one.split(), check=True)


def far(server: str) -> None:
    """Lifts, drops and lifts the far end's side, line by line of its input."""
    print("there", flush=True)
    sys.stdin.readline()
    run(f"ip link set lo up; ip addr add {FAR}/24 dev far; ip link set far up")
    print(Relay(Path(server), FAR).port, flush=True)
    for line in sys.stdin:
        run(f"ip link set far {line}")
        print("done", flush=True)


def near(server: str) -> None:
    other = subprocess.Popen(
        ["unshare", "--net", sys.executable, __file__, "far", server],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert other.stdin
    assert other.stdout

    def told(line: str) -> str:
        assert other.stdin
        assert other.stdout
        other.stdin.write(line + "\n")
        other.stdin.flush()
        return other.stdout.readline()

    other.stdout.readline()
    run(f"ip link set lo up; ip link add near type veth peer name far; ip link set far netns {other.pid}")
    run(f"ip addr add {NEAR}/24 dev near; ip link set near up")
    url = f"postgresql://postgres@{FAR}:{int(told('go'))}/postgres?tcp_user_timeout=2000"
    warehouse = PostgresWarehouse(url)
    told("down")
    said = []
    for work in (lambda: warehouse.query("select 1"), lambda: PostgresWarehouse(url)):
        started = time.monotonic()
        try:
            work()
        except HeadwaterError as error:
            said.append([type(error).__name__, round(time.monotonic() - started, 1)])
    told("up")
    PostgresWarehouse(url).close()
    print(json.dumps(said))
    other.kill()


if __name__ == "__main__":
    {"near": near, "far": far}[sys.argv[1]](sys.argv[2])
