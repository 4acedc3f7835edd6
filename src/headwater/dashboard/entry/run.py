"""The script that Streamlit runs for each view; what it needs is imported once and stays."""

from headwater.dashboard.app import view

view()
