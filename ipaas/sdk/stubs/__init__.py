"""Stand-in vendors made from connector manifests: one process, real HTTP, own ledger, scripted faults."""
