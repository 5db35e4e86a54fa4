"""What becomes of calls: kept while they are on their way and for a while after."""
