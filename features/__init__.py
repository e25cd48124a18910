"""What is known: vocabulary, table contracts, the as-of rule, feature functions, labels, the panel."""
