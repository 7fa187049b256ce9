"""Frames to samples.

Enters: FrameBlock.
Leaves: SampleBlock.
May lose: nothing; unknown ids and wrong lengths are counted.
"""
