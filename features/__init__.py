"""What is known: vocabulary, contracts, the as-of rule, features, labels, the panel."""
