import trainwheel

trainwheel.register()
