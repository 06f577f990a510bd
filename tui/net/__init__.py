"""HTTP for every client: proxies, certificates, size limits, lenient JSON."""
