"""Frames from buses and logs.

Enters: a bus (any python-can interface) or a log file.
Leaves: FrameBlock.
May lose: frames the kernel or this process could not keep up with: counted per bus.
"""
