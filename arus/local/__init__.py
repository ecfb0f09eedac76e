"""What keeps the suite running on one machine: its processes, their configuration."""
