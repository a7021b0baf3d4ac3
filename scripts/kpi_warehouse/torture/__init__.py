"""Publishing under what goes wrong: readers at work, kills at any moment, no room, no right."""
