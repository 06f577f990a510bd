"""Connection state, rate limits and quota, and storage health."""
