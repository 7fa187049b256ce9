"""Which objects the settings name, and how they are joined: the source, the spool, the ways out, and all between."""
