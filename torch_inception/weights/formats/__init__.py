"""How weights are written: one module or folder per file format."""
