"""Messages through real processes while things break: nothing is lost, nothing happens twice.

By hand: ``python -m tests.faults --messages 20000 --seed 1``; ``--list`` names the scenarios. In CI
test_faults.py runs each with few messages, unless PIPELINE_QUICK is set in the environment.
"""
