"""What runs a plan: stages, the executor, devices, launches."""
