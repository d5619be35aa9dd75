"""Who answers for what: domains with their owner and their stewards."""
