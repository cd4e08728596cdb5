"""What a run survives: each script prints its figure."""
