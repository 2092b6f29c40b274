"""What one launch measures: baseline and pipeline side by side, verified, then timed in turn."""
