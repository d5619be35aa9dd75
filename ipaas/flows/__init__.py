"""Flow documents, versions, deployments and compiled plans."""
