"""Launches as their parent sees them: processes that are started, listened to, and ended whatever happens."""
