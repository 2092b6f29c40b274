"""Where the modules of the user's own code come from, when two refs of it are measured side by side."""
