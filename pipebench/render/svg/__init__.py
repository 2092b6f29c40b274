"""Pictures as SVG: one file each that needs nothing else, for light and for dark pages, the same bytes every time."""
