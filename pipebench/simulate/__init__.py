"""Pipelines on paper: one step of a schedule, played out with costs that were given."""
