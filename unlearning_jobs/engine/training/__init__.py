"""Making models: `train(recipe, snapshot, exclude_ids, seed)` is the only way one comes about."""
