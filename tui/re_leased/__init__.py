"""What is known of Re-Leased: nightly window, told evidence, files, feed."""
