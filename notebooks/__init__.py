"""A notebook for each pipeline, and the code behind it; `python -m notebooks` makes pages."""
