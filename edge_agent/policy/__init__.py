"""What is worth keeping, as the twin's rules say.

Enters: SampleBlock.
Leaves: Batch.
May lose: what the rules say is not wanted.
"""
