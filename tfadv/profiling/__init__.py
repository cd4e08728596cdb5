"""Where the time of some steps goes: TensorFlow's trace of them, read by kind of work.

What records or reads a trace enters; what is traced does not.
"""
