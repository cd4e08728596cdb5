"""The paper's experiments at a chosen scale: declared, run, measured, and compared with it."""
