"""What surrounds every page: sidebar, tour, glossary."""
