"""The report of a reproduction: one page, the same as Markdown, and its figures.

What is known enters as a `Page`; numbers become text and figures here, and nothing is judged.
"""
