"""`python -m tests.faults.pairs --seed 1 --count 20` disturbs processes that talk to each other, and counts.

A server is killed while a client asks it and while a new version is pushed; one of two workers that train together is
stopped, killed, or cut off by the network. Networks are those of namespaces, which take a superuser.
"""

from __future__ import annotations

import argparse
import contextlib
import ctypes
import json
import os
import pickle
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from rrn_tf.bench.ports import free_ports
from tests.faults.disturbances import Outcome
from tests.faults.jobs import JOBS, command, model_digest, settings_of
from tests.faults.processes import Ended, Operations, Running, asked
from tests.faults.running import import_all, made_subjects, print_counts

CUTS = ("worker killed", "worker stopped", "network cut", "network cut for a moment")
SERVED = ("server killed", "server and Pusher killed")
_ROWS = 50  # that the client asks for in turn
_NEW_NETWORK = 0x40000000  # CLONE_NEWNET
_SPACES = ("rrn-fault-a", "rrn-fault-b")


class Server:
    """A server, and a client that asks it without pause.

    Args:
      root: folder with `served`, of versions, and `rows.csv`.
      port: where to serve.
    """

    def __init__(self, root: Path, port: int) -> None:
        self.root, self.port = root, port

    def start(self) -> Running:
        """Starts the server, and waits until it answers."""
        running = Running(self._serve, self.root / "server.log", self.root / "tmp")
        until = time.monotonic() + 200
        while time.monotonic() < until and not running.ended():
            with contextlib.suppress(OSError):
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
                return running
            time.sleep(0.05)
        raise RuntimeError(f"the server has not started: {running.wait(0).said[-300:]}")

    def _serve(self) -> None:
        read, write = os.pipe()  # the double serves until its standard input ends
        os.dup2(read, 0)
        os.set_inheritable(write, True)
        _become("-m", "rrn_tf.bench.grpc_double", "--model", f"rrn={self.root / 'served'}", "--port", str(self.port))

    def client(self) -> Running:
        """Starts the client, which writes what it was answered to `answers` until there is a file `stop`."""
        given = (str(self.root), str(self.port))
        return Running(lambda: _become("-m", "tests.faults.pairs", *given), self.root / "client.log", self.root / "tmp")

    def ask(self) -> None:
        import grpc

        from rrn_tf.bench.grpc_client import connected, outputs_of, predict_request

        lines = (self.root / "rows.csv").read_text().splitlines()[1 : 1 + _ROWS]
        rows = [(user, item, int(when)) for user, item, _, when in (line.split(",") for line in lines)]
        found, number = [], 0
        with connected(f"127.0.0.1:{self.port}") as stub:
            while not (self.root / "stop").exists():
                user, item, when = rows[number % len(rows)]
                inputs = {"user_id": [user], "item_id": [item], "timestamp": np.array([when])}
                try:
                    answer = stub.Predict(predict_request("rrn", "predict", **inputs), timeout=20)
                    rating = float(outputs_of(answer)["rating"][0])
                    found.append((time.monotonic(), int(answer.model_spec.version.value), number % len(rows), rating))
                    if len(found) > 20 and not (self.root / "busy").exists():
                        (self.root / "busy").touch()
                except grpc.RpcError as error:
                    found.append((time.monotonic(), -1, number % len(rows), error.code().name))
                    time.sleep(0.1)
                number += 1
        (self.root / "answers").write_bytes(pickle.dumps(found))


def _become(*arguments: str) -> None:
    """Makes this process a new Python: threads of gRPC do not outlive a fork."""
    os.execv(sys.executable, [sys.executable, "-W", "ignore", *arguments])


def served(fault: str, subject: Any, models: list[Path], root: Path, draw: np.random.Generator) -> tuple[Outcome, str]:
    """Kills a server that is asked, once while Pusher is killed too, and starts it again."""
    shutil.rmtree(root, ignore_errors=True)
    shutil.copytree(subject.template, root)
    (root / "out").rename(root / "served")
    (root / "out").symlink_to("served")
    shutil.copy(models[0], root / "rows.csv")
    server = Server(root, free_ports(1)[0])
    running, client = server.start(), server.client()
    _await(root / "busy", client)
    time.sleep(float(draw.uniform(0, 2)))
    if fault == SERVED[1]:
        number = int(draw.integers(1, subject.operations + 1))

        def push() -> None:
            Operations(root, number)
            JOBS["push"].run(root)

        Running(push, root / "push.log", root / "tmp").wait()
    running.kill()
    running.wait()
    running, again = server.start(), time.monotonic()
    (root / "busy").unlink(missing_ok=True)
    _await(root / "busy", client)  # a client's channel waits longer and longer before it tries again
    (root / "stop").touch()
    ended = client.wait()
    running.kill()
    running.wait()
    if ended.code != 0:
        return Outcome.UNCLEAR, f"the client: {ended.code}: {ended.said[-300:]}"
    versions = [path for path in (root / "served").iterdir() if path.name.isdigit()]
    if strange := {asked(lambda path=path: model_digest(path), root) for path in versions} - set(subject.facts):
        return Outcome.WRONG, f"{len(strange)} versions that were never pushed"
    answers = pickle.loads((root / "answers").read_bytes())
    right = _right_answers(root, versions)
    good = [one for one in answers if one[1] >= 0]
    codes = Counter(one[3] for one in answers if one[1] < 0)
    if wrong := [one for one in good if right[one[1]][one[2]] != one[3]]:
        return Outcome.WRONG, f"{len(wrong)} of {len(good)} answers"
    if set(codes) - {"UNAVAILABLE", "CANCELLED"} or not any(one[0] > again for one in good):
        return Outcome.UNCLEAR, f"{len(good)} answers, {dict(codes)}"
    return Outcome.AGAIN, f"{len(good)} answers, all right, {dict(codes)}, versions {sorted(p.name for p in versions)}"


def _await(file: Path, by: Running) -> None:
    until = time.monotonic() + 200
    while not file.exists() and not by.ended() and time.monotonic() < until:
        time.sleep(0.01)


def _right_answers(root: Path, versions: list[Path]) -> dict[int, list[float]]:
    def ask() -> dict[int, list[float]]:
        from rrn_tf.serving.saved_rrn import SavedRRN

        lines = (root / "rows.csv").read_text().splitlines()[1 : 1 + _ROWS]
        rows = [(user, item, when) for user, item, _, when in (line.split(",") for line in lines)]
        found = {}
        for path in versions:
            model = SavedRRN(path)
            found[int(path.name)] = [float(model.predict([u], [i], np.array([int(t)]))[0]) for u, i, t in rows]
        return found

    return asked(ask, root)


@contextlib.contextmanager
def networks() -> Iterator[list[str]]:
    """Two network namespaces that are joined by a cable: their addresses."""
    addresses = ["10.71.0.1", "10.71.0.2"]
    a, b = _SPACES
    orders = [f"netns add {a}", f"netns add {b}", f"link add veth-a netns {a} type veth peer name veth-b netns {b}"]
    for space, link, address in zip(_SPACES, ("veth-a", "veth-b"), addresses, strict=True):
        orders += [f"-n {space} addr add {address}/24 dev {link}", f"-n {space} link set {link} up"]
        orders += [f"-n {space} link set lo up"]
    try:
        for order in orders:
            subprocess.run(["ip", *order.split()], check=True)
        yield addresses
    finally:
        for space in _SPACES:
            subprocess.run(["ip", "netns", "del", space], check=False)


def enter(space: str) -> None:
    """Puts this process into a network namespace."""
    libc = ctypes.CDLL(None, use_errno=True)
    with open(f"/run/netns/{space}") as file:
        if libc.setns(file.fileno(), _NEW_NETWORK):
            raise OSError(ctypes.get_errno(), space)


def workers(data: Path, root: Path, addresses: list[str] | None) -> list[Running]:
    """Starts two workers that train on the same events, or go on, each in its own network if there are addresses."""
    hosts = [f"{host}:{port}" for host, port in zip(addresses or ["127.0.0.1"] * 2, free_ports(2), strict=True)]
    started = []
    for index in range(2):
        task = {"cluster": {"worker": hosts}, "task": {"type": "worker", "index": index}}

        def run(task: dict[str, Any] = task, index: int = index) -> None:
            if addresses:
                enter(_SPACES[index])
            os.environ["TF_CONFIG"] = json.dumps(task)
            settings = [*settings_of("crnn"), "--set=training.dropout=0", "--set=training.epochs=6"]
            command("train", "--data", str(data), "--output", str(root / "run"), *settings, "--resume")

        started.append(Running(run, root / f"worker-{index}.log", root))
    return started


def cut(fault: str, data: Path, right: str, root: Path, draw: np.random.Generator) -> tuple[Outcome, str]:
    """Disturbs one of two workers, and lets both go on afterwards."""
    shutil.rmtree(root, ignore_errors=True)
    root.mkdir()
    with networks() if fault.startswith("network") else contextlib.nullcontext() as addresses:
        pair = workers(data, root, addresses)
        phase = int(draw.integers(1, 5))
        while not list(root.glob(f"run/checkpoints/progress/phase-{phase}.index")):
            if any(one.ended() for one in pair):
                return Outcome.UNCLEAR, f"ended early: {[one.wait(1).said[-200:] for one in pair]}"
            time.sleep(0.01)
        lost, begin = int(draw.integers(2)), time.monotonic()
        if fault == CUTS[0]:
            pair[lost].kill()
        elif fault == CUTS[1]:
            os.kill(pair[lost].pid, signal.SIGSTOP)
        else:
            subprocess.run(["ip", "-n", _SPACES[0], "link", "set", "veth-a", "down"], check=True)
            if fault == CUTS[3]:
                time.sleep(float(draw.uniform(1, 10)))
                subprocess.run(["ip", "-n", _SPACES[0], "link", "set", "veth-a", "up"], check=True)
        ended: list[Ended] = [one.wait() for number, one in enumerate(pair) if number != lost]
        took = time.monotonic() - begin
        if fault in (CUTS[0], CUTS[1]):
            pair[lost].kill()
            pair[lost].wait()
        else:
            ended.append(pair[lost].wait())
    where = f"{fault} of worker {lost} in phase {phase}, others' ends after {took:.0f} s"
    for one in ended:
        if one.unclear:
            return Outcome.UNCLEAR, f"{where}: {one.unclear}"
    if all(one.code == 0 for one in ended) and fault == CUTS[3]:
        same = asked(lambda: model_digest(root / "run" / "model"), root) == right
        return (Outcome.EQUAL if same else Outcome.WRONG), where
    told = ended[0].said.strip().splitlines()[-1]
    again = [one.wait() for one in workers(data, root, None)]
    if any(one.code for one in again):
        return Outcome.UNCLEAR, f"{where}: {told}: run again: {[one.said[-200:] for one in again]}"
    same = asked(lambda: model_digest(root / "run" / "model"), root) == right
    return (Outcome.AGAIN if same else Outcome.WRONG), f"{where}: {told}"


def main() -> int:
    """Prints the table; returns 1 if a result was wrong or an end unclear."""
    if len(sys.argv) == 3 and Path(sys.argv[1]).is_dir():  # the client of a server
        Server(Path(sys.argv[1]), int(sys.argv[2])).ask()
        return 0
    parser = argparse.ArgumentParser(prog="python -m tests.faults.pairs", description=__doc__)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--count", type=int, default=20)
    parser.add_argument("--faults", nargs="+", choices=[*SERVED, *CUTS], default=[*SERVED, *CUTS])
    given = parser.parse_args()
    import_all()
    faults = [fault for fault in given.faults if not (fault.startswith("network") and os.geteuid())]
    counts, bad = Counter[tuple[str, str, str]](), False
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        subjects = made_subjects(root, ["push"] if set(faults) & set(SERVED) else [])
        pairs, data = (root / "rows" / kind / "given" / "early.csv" for kind in ("rrn", "crnn"))
        makes: dict[str, Callable[[str, np.random.Generator], tuple[Outcome, str]]] = {}
        for fault in faults:
            if fault in SERVED:
                makes[fault] = lambda fault, draw: served(fault, subjects["push"], [pairs], root / "work", draw)
        if set(faults) & set(CUTS):
            (root / "two").mkdir()
            for one in workers(data, root / "two", None):
                assert one.wait().code == 0, one.log.read_text()
            right = asked(lambda: model_digest(root / "two" / "run" / "model"), root)
            makes |= {f: lambda fault, draw: cut(fault, data, right, root / "work", draw) for f in faults if f in CUTS}
        for number in range(given.count):
            fault = faults[number % len(faults)]
            outcome, said = makes[fault](fault, np.random.default_rng([given.seed, number]))
            counts["server and client" if fault in SERVED else "two workers", fault, outcome.value] += 1
            print(f"{number}: {fault}: {outcome.value}: {said}", flush=True)
            bad |= outcome in (Outcome.WRONG, Outcome.UNCLEAR)
    print_counts(f"seed {given.seed}", counts)
    return bad


if __name__ == "__main__":
    sys.exit(main())
