"""What does it mean for two runs to give the same spikes?"""

import numpy as np

from neurograph.record import Spikes


def assert_same(found: Spikes, expected: Spikes) -> None:
    """Fail if any spike differs in its step, its neuron or its population."""
    np.testing.assert_array_equal(found.steps, expected.steps)
    np.testing.assert_array_equal(found.neurons, expected.neurons)
    np.testing.assert_array_equal(found.populations, expected.populations)
