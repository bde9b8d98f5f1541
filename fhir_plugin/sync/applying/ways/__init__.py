"""The ways of writing to an EHR, one per thing an EHR may lack; ``choosing.route_for`` picks them, in one place."""
