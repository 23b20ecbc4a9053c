"""``[tool.trainwheel]`` into one frozen value."""
