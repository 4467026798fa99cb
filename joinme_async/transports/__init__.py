"""Transports: one file for each HTTP library, and no other file knows that library."""
