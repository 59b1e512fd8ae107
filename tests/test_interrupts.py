"""Ctrl-C and SIGTERM end a run between two steps: spikes so far are kept, and it can go on."""

import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

import neurograph as ng
from neurograph.cli.main import call
from neurograph.interrupts import Deferred, Terminated, termination

CODE = "import sys; from neurograph.cli.main import main; main()"


@pytest.fixture
def circuit(build_small) -> ng.Circuit:
    return build_small("random")


def whole(circuit: ng.Circuit, duration: float) -> list[tuple[float, int]]:
    with ng.Simulation(circuit, seed=1) as sim:
        sim.run(duration)
    return list(zip(sim.spikes.times.tolist(), sim.spikes.neurons.tolist(), strict=True))


def read(path: Path) -> list[tuple[float, int]]:
    times, neurons, _ = ng.read_spikes(path)
    return list(zip(times.tolist(), neurons.tolist(), strict=True))


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_the_command_and_the_run_goes_on(
    circuit: ng.Circuit, tmp_path: Path, number: int, status: int
) -> None:
    folder, checkpoint = tmp_path / "run", tmp_path / "checkpoint"
    arguments = ["run", circuit.path, "--duration", "1e9", "--seed", "1", "--save", folder, "--checkpoint", checkpoint]
    process = subprocess.Popen(
        [sys.executable, "-c", CODE, *map(str, arguments), "--checkpoint-every", "50"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        # Where the tests themselves run in the background, SIGINT is ignored, and that is handed down.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )  # fmt: skip
    # A checkpoint is there, so it runs.
    while not checkpoint.exists() and process.poll() is None:
        os.sched_yield()
    process.send_signal(number)
    out, errors = process.communicate()
    assert (process.returncode, out) == (status, "")
    assert errors.count("\n") == 1
    assert "Error: interrupted at " in errors
    assert f"spikes so far are in {folder / 'spikes.parquet'}; go on with --resume {checkpoint}" in errors
    said = json.loads((folder / "statistics.json").read_text())
    now = said["figures"]["duration_ms"]
    assert said["ended"] == "interrupted"
    assert read(folder / "spikes.parquet") == whole(circuit, now)
    later = str(now + 20)
    resumed = ["run", str(circuit.path), "--duration", later, "--save", str(folder), "--resume", str(checkpoint)]
    assert call(resumed) == 0
    assert read(folder / "spikes.parquet") == whole(circuit, now + 20)
    assert json.loads((folder / "statistics.json").read_text())["ended"] == "complete"


class Interrupter:
    """Sends SIGINT to this process the first time that it is called."""

    def __init__(self) -> None:
        self.calls = 0

    def __call__(self, *_: object) -> None:
        self.calls += 1
        if self.calls == 1:
            signal.raise_signal(signal.SIGINT)


def test_in_python_the_run_stands_between_two_steps_and_can_go_on(circuit: ng.Circuit) -> None:
    with ng.Simulation(circuit, seed=1, workers=2) as sim:
        with pytest.raises(KeyboardInterrupt):
            sim.run(1e9, progress=Interrupter())
        assert sim.can_go_on
        assert 0 < sim.now < 1e9
        now = sim.now
        sim.run(20.0)
    found = list(zip(sim.spikes.times.tolist(), sim.spikes.neurons.tolist(), strict=True))
    assert found == whole(circuit, now + 20.0)


def test_a_second_one_does_not_wait(circuit: ng.Circuit, tmp_path: Path) -> None:
    def twice(*_: object) -> None:
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)
        raise AssertionError("the second one was kept")

    with ng.Simulation(circuit) as sim, pytest.raises(KeyboardInterrupt):
        sim.run(1e9, progress=twice)


def test_handlers_are_as_before() -> None:
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    with termination(), pytest.raises(Terminated), Deferred():
        signal.raise_signal(signal.SIGTERM)
    with Deferred():
        pass
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == before


def test_a_run_in_another_thread_leaves_signals_alone(circuit: ng.Circuit) -> None:
    before, seen = signal.getsignal(signal.SIGINT), []

    def run() -> None:
        with ng.Simulation(circuit) as sim, termination():
            sim.run(5.0, progress=lambda *_: seen.append(signal.getsignal(signal.SIGINT)))

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert set(seen) == {before}


def test_compiled_code_comes_back_when_time_is_up(circuit: ng.Circuit, monkeypatch: pytest.MonkeyPatch) -> None:
    """With no time at all, after each epoch."""
    monkeypatch.setattr("neurograph.executor._RETURN_NS", -1)
    returns = []
    with ng.Simulation(circuit, seed=1, workers=3) as sim:
        epoch = sim._running.executor.epoch_steps
        sim.step(20 * epoch, progress=lambda done, _of: returns.append(done))
    assert returns == [epoch] * 20
