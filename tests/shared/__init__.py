"""What tests of several rooms share: the project's folders, tiny networks, data sets and runs."""
