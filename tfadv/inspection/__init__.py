"""Images looked at before anyone trains on them: every file decoded, counted and compared.

What finds something out about whole data sets, and the page that shows it, may enter; how
single images are read is for `data`.
"""
