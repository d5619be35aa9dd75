"""The pages of a workspace: one module per area, one ``urls_<namespace>`` per namespace."""
