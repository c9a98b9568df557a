"""Our numbers beside those of the runtimes that weights come from."""
