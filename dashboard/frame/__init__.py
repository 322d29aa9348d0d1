"""The frame of every page: sidebar, tour, glossary."""
