"""Speed, measured against named peers; see requirements.txt."""
