"""Local emulators of the helpdesks and of Claude, for the demo, the tests and the benchmarks.

They share no code with the clients they are used against, or both would share the bug.
"""
