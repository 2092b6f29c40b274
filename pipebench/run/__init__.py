"""A run: what is asked of this machine, measured by fresh launches, and made into one record."""
