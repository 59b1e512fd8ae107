"""A user's own model runs as a built-in one does, and what is wrong with it is said when it is defined."""

import math
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import neurograph as ng
from neurograph.cli.main import call
from neurograph.models import MODELS
from neurograph.models.lif_exp import current_to_voltage
from neurograph.reference import simulate


class TwinOfLIFExp(ng.StepModel):
    """The equations of `LIFExp`, with both currents in one."""

    tau_m: float = 10.0
    tau_syn: float = 0.5
    C_m: float = 250.0
    V_th: float = 15.0
    t_ref: float = 2.0

    receptors = (ng.Receptor("synaptic", "pA"),)
    currents = (ng.Receptor("current", "pA"),)
    states = ("v", "i")

    def derived(self, dt: float) -> dict[str, float]:
        return {
            "p_v": math.exp(-dt / self.tau_m),
            "p_i": math.exp(-dt / self.tau_syn),
            "p_v_i": current_to_voltage(self.tau_syn, self.tau_m, self.C_m, dt),
            "p_current": self.tau_m / self.C_m * (1.0 - math.exp(-dt / self.tau_m)),
        }

    @staticmethod
    def step(v, i, synaptic, current, V_th, p_v, p_i, p_v_i, p_current, held):
        if not held:
            v = v * p_v + i * p_v_i + current * p_current
        spiked = v >= V_th
        return 0.0 if spiked else v, i * p_i + synaptic, spiked


def network(model: ng.StepModel | ng.LIFExp) -> ng.Network:
    """Excitation only, with weights that are whole numbers of pA, so that both models sum the same numbers."""
    net = ng.Network()
    a = net.population("a", 120, model)
    net.connect(a, a, ng.FixedOutdegree(20), weight=40.0, delay=ng.Uniform(0.5, 2.0))
    net.drive(a, ng.PoissonInput(rate=8000.0, weight=88.0))
    net.drive(a[:50], ng.NoiseCurrent(mean=100.0, std=300.0))
    return net


@pytest.mark.parametrize("workers", [1, 2])
def test_an_own_model_follows_the_reference_and_the_built_in(tmp_path: Path, workers: int) -> None:
    found = {}
    for model in (TwinOfLIFExp(), ng.LIFExp()):
        circuit = ng.build(tmp_path / f"{type(model).__name__}.zarr", network(model), seed=1, block_neurons=50)
        with ng.Simulation(ng.open(circuit.path), workers=workers, seed=1) as sim:
            sim.step(400)
        expected = simulate(circuit, 400, seed=1)
        np.testing.assert_array_equal(sim.spikes.steps, expected.steps)
        np.testing.assert_array_equal(sim.spikes.neurons, expected.neurons)
        found[type(model).__name__] = sim.spikes
    assert len(found["LIFExp"]) > 100
    np.testing.assert_array_equal(found["LIFExp"].steps, found["TwinOfLIFExp"].steps)
    np.testing.assert_array_equal(found["LIFExp"].neurons, found["TwinOfLIFExp"].neurons)


def test_a_circuit_of_a_model_that_is_not_defined_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    circuit = ng.build(tmp_path / "c.zarr", network(TwinOfLIFExp()))
    monkeypatch.delitem(MODELS, "TwinOfLIFExp")
    with pytest.raises(ng.DataError, match="'TwinOfLIFExp' is not one of LIFExp, .*defines it with --models FILE.py"):
        ng.open(circuit.path)


SCRIPT = """
import sys
import neurograph as ng

class Mine(ng.StepModel):
    threshold: float = 1.0
    receptors = (ng.Receptor("input", "1"),)
    states = ("x", "y", "z", "age")

    @staticmethod
    def step(x, y, z, age, input, threshold):
        spiked = x + input >= THRESHOLD
        return x + input, y, z, age + 1.0, spiked

if __name__ == "__main__":
    net = ng.Network()
    a = net.population("a", 10, Mine())
    net.connect(a, a, ng.AllToAll(), weight=1.0, delay=1.0)
    circuit = ng.build(sys.argv[1], net, jobs=2)
    with ng.Simulation(circuit) as sim:
        sim.inject(circuit.ids[:1], 1.0, receptor="input")
        sim.step(50)
    print(len(sim.spikes), sim.state("age")[0], Mine().tile._compiled._cache_hits)
"""


def test_a_script_compiles_its_model_once_for_all_runs_until_it_changes(tmp_path: Path) -> None:
    script = tmp_path / "script.py"

    def run(name: str, threshold: str) -> list[str]:
        script.write_text(SCRIPT.replace("THRESHOLD", threshold))
        done = subprocess.run([sys.executable, script, tmp_path / name], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done.stdout.split()

    first, again = run("a", "threshold"), None
    done = subprocess.run([sys.executable, script, tmp_path / "b"], capture_output=True, text=True)
    again = done.stdout.split()
    assert first[1:] == ["50.0", "0"]
    assert again == [first[0], "50.0", "1"]
    changed = run("c", "3.0 * threshold")
    assert changed[0] != first[0]
    assert changed[2] == "0"


def test_models_made_by_a_function_keep_their_own_numbers() -> None:
    """They share a file, a line and a name; each must have its own compiled step."""

    def make(limit: float) -> ng.StepModel:
        class MadeByFunction(ng.StepModel):
            receptors = (ng.Receptor("arriving", "1"),)
            states = ()

            @staticmethod
            def step(arriving):
                return (arriving >= limit,)

        return MadeByFunction()

    assert len({make(limit).tile.address for limit in (1.0, 2.0)}) == 2
    assert not make(1.0).tile._cache


def define(**body: object) -> type:
    return type("Wrong", (ng.StepModel,), {"receptors": (ng.Receptor("arriving", "1"),), "states": ("x",), **body})


def fine(x, arriving):
    return x, False


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: define(), "Wrong has no step; a StepModel needs step, receptors and states"),
        (lambda: define(step=staticmethod(fine), receptors=()), "Wrong.receptors is empty"),
        (lambda: define(step=staticmethod(fine), states=("x", "arriving")), "Wrong uses the name 'arriving' twice"),
        (lambda: define(step=staticmethod(lambda x, tau: x)), "asks for 'tau', which is none of its states .x."),
        (lambda: define(step=staticmethod(lambda x, tau: x), derived=lambda s, dt: {})().constants(0.1), "for 'tau'"),
        (
            lambda: define(step=staticmethod(fine), t_ref=1.0, __annotations__={"t_ref": float}),
            "Wrong has a t_ref, but its step does not ask for held",
        ),
        (
            lambda: define(step=staticmethod(lambda x, a: x), a=1.0, __annotations__={"a": float})(a=math.nan),
            "Wrong.a is nan, it must be finite",
        ),
        (
            lambda: type("LIFExp", (ng.StepModel,), {"receptors": TwinOfLIFExp.receptors, "states": ("x",),
                                                     "step": staticmethod(lambda x, synaptic: (x, False))}),
            "there is a built-in model 'LIFExp'; give your own another name",
        ),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_model_is_said(make, message: str) -> None:
    with pytest.raises(ng.ArgumentError, match=message):
        make()


OWN = """
import neurograph as ng

class QuickUnit(ng.StepModel):
    receptors = (ng.Receptor("arriving", "1"),)
    states = ()

    @staticmethod
    def step(arriving):
        return (arriving >= 1.0,)

if __name__ == "__main__":
    raise SystemExit("only when run")
"""


def test_commands_know_a_model_of_ones_own_by_its_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file, circuit = tmp_path / "mine.py", str(tmp_path / "mine.zarr")
    file.write_text(OWN)
    (tmp_path / "edges.csv").write_text("source,target,weight\n1,2,1.0\n2,1,1.0\n")
    own, edges = ["--models", str(file)], str(tmp_path / "edges.csv")
    try:
        assert call(["import", edges, circuit, "--delay-ms", "1", "--model", "QuickUnit", *own]) == 0
        for command in (["info", circuit], ["verify", circuit], ["run", circuit, "--duration", "10"]):
            MODELS.pop("QuickUnit")
            capsys.readouterr()
            assert call(command) == 1
            assert "'QuickUnit' is not one of LIFExp" in (said := capsys.readouterr().err)
            assert "--models FILE.py" in said
            assert call([*command, *own]) == 0
        capsys.readouterr()
        assert call(["export", circuit, str(tmp_path / "out.csv"), *own]) == 0
    finally:
        MODELS.pop("QuickUnit", None)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "there is no such Python file"),
        ("1 / 0", "cannot be run: ZeroDivisionError: division by zero"),
        ("x = 1", "defines no neuron model"),
    ],
)
def test_a_file_without_models_is_refused(
    text: str | None, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    if text is not None:
        (tmp_path / "mine.py").write_text(text)
    assert call(["info", str(tmp_path / "c.zarr"), "--models", str(tmp_path / "mine.py")]) == 2
    assert message in capsys.readouterr().err
