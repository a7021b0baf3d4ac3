"""What Streamlit runs; in a folder of its own, because it takes a `pages` beside it for its own."""
