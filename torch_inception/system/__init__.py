"""What the operating system and libraries give: files, locks, cores, threads, terminal text."""
