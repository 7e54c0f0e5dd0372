"""A real service that logs, and real requests to it: what ``asyncrr demo`` runs."""
