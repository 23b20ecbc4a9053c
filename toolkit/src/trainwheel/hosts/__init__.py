"""Small scripts that run inside the model's environment, by file path.

They import nothing of the toolkit: the environment that they run in does not have it.
"""
