"""The dashboard: pages in a browser that ask the read API and nothing else."""
