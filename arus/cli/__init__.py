"""What `python -m arus` shows."""
