"""The contract of brokers finds what breaks it."""
