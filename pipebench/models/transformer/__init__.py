"""The encoder-decoder LSTM of 2014."""
