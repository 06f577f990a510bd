"""HTTP for every client: proxies, certificates, limits on size, lenient JSON."""
