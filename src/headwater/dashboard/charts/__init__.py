"""What pages draw with: each module turns rows of the API into markup, and knows nothing of pages."""
