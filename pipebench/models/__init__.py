"""The models that are trained, and the words they are trained on."""
