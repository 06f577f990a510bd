"""Sign-ins and their organisations."""
