"""Where messages lie: one file a form."""
