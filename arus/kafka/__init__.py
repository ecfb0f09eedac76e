"""What talks to Kafka without Spark."""
