"""From Kafka to Delta: what a record means, and the one way in which micro-batches of them reach the tables."""
