"""What a fleet's messages cost, before it is rolled out and after."""
