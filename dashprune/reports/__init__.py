"""A run as one page that any browser opens, without a network."""
