"""The commands of the command line: one module each, imported only when its command runs.

Each holds a click command called `command`, which reads its options, calls one function elsewhere and turns the
outcome into an exit status. No other logic lives here.
"""
