"""The stacked LSTM of 2014: embedding, layers, projection; on paper (pure) and in a process (torch)."""
