"""What guards find and disturb, and what the gateway costs."""
