"""What is known of the machine. Pure."""
