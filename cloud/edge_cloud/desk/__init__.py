"""`edge-cloud`: files of messages -> Delta tables -> answers and a page, on one machine."""
