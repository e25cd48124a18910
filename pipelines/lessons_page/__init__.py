"""The pages of lessons: one HTML file that needs nothing beside it, in French, English or both."""
