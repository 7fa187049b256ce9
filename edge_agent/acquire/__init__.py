"""Frames from buses and logs.

Enters: a bus (SocketCAN, or any other interface of python-can) or a log file.
Leaves: FrameBlock.
May lose: frames the kernel or this process could not keep up with: counted per bus.
"""
