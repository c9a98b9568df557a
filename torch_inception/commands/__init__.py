"""One module per command: parse, call, print, exit status. And what the commands share."""
