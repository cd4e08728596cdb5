"""The training step, the loop around it, and the session that runs it from start to results.

The trainer knows steps and no evaluator; the session joins the two.
"""
