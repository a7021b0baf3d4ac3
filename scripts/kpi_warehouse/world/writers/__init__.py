"""One writer per layout of extracts; each turns a log into files and counts the traps it lays."""
