"""The neutral model: frozen values, standard library only."""
