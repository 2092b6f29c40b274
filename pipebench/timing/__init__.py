"""When things happen: costs, links and machines, the simulator, and the timeline that it gives. Pure."""
