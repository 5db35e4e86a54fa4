"""What messages leave behind in the store, and the units of work in which it is written."""
