"""Training models. Every model comes from `train.train`, which chooses the way: plain, private, sharded, or closed form."""
