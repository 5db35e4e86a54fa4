"""Who somebody is: secrets kept as digests, checked slowly enough, and not too often."""
