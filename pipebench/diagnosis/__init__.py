"""What a run's own figures say of it: where the devices go, and what a reader must be warned of. Pure."""
