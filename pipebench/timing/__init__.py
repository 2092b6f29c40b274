"""When things happen: costs, links and machines, the simulator, and the timeline it yields. Pure."""
