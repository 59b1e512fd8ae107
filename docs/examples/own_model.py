"""A neuron model of one's own: the quadratic integrate-and-fire neuron, with noise, beside a built-in one."""

import math
import tempfile
from pathlib import Path

import neurograph as ng


class QIF(ng.StepModel):
    """tau dv/dt = v^2 + i + current, tau_syn di/dt = -i; at v = peak it spikes and v = -peak. By forward Euler."""

    tau: float = 10.0  # ms
    tau_syn: float = 2.0  # ms
    peak: float = 10.0
    t_ref: float = 1.0  # ms

    receptors = (ng.Receptor("synaptic", "1"),)
    currents = (ng.Receptor("current", "1"),)
    states = ("v", "i")

    def derived(self, dt):
        """Return what is computed once: how much of i is left after a step."""
        return {"left": math.exp(-dt / self.tau_syn)}

    @staticmethod
    def step(v, i, synaptic, current, tau, peak, left, dt, held):
        """Advance one neuron: return the new states, and whether it spikes."""
        if not held:
            v = v + dt / tau * (v * v + i + current)
        spiked = v >= peak
        return -peak if spiked else v, i * left + synaptic, spiked


net = ng.Network(dt=0.1)
qif = net.population("qif", 800, QIF(), initial={"v": ng.Uniform(-2.0, 0.0)})
lif = net.population("lif", 200, ng.LIFExp())
net.connect(qif, lif, ng.FixedIndegree(100), weight=500.0, delay=1.5)
net.connect(lif, qif, ng.FixedIndegree(50), weight=-0.2, delay=0.8, receptor="synaptic")
net.drive(qif, ng.NoiseCurrent(mean=0.2, std=3.0))

circuit = ng.build(Path(tempfile.mkdtemp()) / "own.zarr", net, seed=1)
with ng.Simulation(circuit, seed=1) as sim:
    sim.run(500.0)

for number, (name, population) in enumerate(circuit.populations.items()):
    spikes = (sim.spikes.populations == number).sum()
    print(f"{name}: {spikes / population.size / 0.5:.1f} Hz")
