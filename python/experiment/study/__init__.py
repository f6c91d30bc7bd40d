"""What experiments share: from recipes to a page of results."""
