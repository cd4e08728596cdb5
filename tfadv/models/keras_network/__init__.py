"""Anybody's Keras model as a network: walked, its norms replaced, its convolutions folded."""
