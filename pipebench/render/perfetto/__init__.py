"""The timeline of a record as a trace for Perfetto and for HolisticTraceAnalysis: Chrome's Trace Event Format."""
