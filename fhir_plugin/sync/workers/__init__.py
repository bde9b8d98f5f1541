"""One run by several processes, on this machine or on many."""
