"""A trained classifier: preprocessing, engine, head and labels in one; and its file."""
