"""Scripts that made files of the repository; nothing here is part of the package."""
