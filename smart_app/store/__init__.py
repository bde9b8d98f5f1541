"""What the app itself keeps: launches and encrypted tokens."""
