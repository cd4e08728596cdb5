"""Sets of TensorFlow Datasets in a package, as the real ones are."""
