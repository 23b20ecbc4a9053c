"""One package index: which one, how it is opened, what it holds, and how a wheel gets there."""
