"""What runs a plan, action by action: stages, the executor, transports, emulated devices and real ranks."""
