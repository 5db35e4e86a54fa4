"""One message tried out: through the middleware of real workers, in memory, on a clock."""
