"""The user's own layers: loaded from a file or a package, described and probed before anything is timed."""
