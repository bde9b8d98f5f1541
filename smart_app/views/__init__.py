"""What the app shows, one blueprint per topic."""
