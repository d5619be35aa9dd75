"""Who answers for what: domains with their stewards; the terms of the business, the conventions of its data."""
