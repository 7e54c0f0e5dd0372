"""Bridges from other libraries to asyncrr; the package itself imports none of them."""
