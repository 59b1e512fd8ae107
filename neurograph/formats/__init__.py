"""Formats of the field, in and out: edge lists, matrices, graphs, SONATA, spikes, Neo."""
