"""The chain of this model."""

import trainwheel

trainwheel.register()
