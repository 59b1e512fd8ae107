"""Programs that run a benchmark in another simulator, each in a process of its own."""
