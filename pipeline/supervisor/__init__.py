"""A configuration in several processes: started, watched, replaced and stopped by one more."""
