"""The parts of the facade: `Workspace` has one of each."""
