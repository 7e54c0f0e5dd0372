"""The collector: takes frames from recorders, keeps them on disk, and hands them out again."""
