"""Which objects the settings name, for `app.py`: where frames come from, where batches lie, the ways to the cloud."""
