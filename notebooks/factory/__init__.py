"""What `factory.ipynb` is made of: the tables, asked by SQL (data), and pictures (plots)."""
