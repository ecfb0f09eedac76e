"""What the jobs, the producers and the commands of Arus share."""
