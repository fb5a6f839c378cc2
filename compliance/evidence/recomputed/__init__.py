"""Computes again, from the raw outputs, what an evaluation states and its verdict rests on. Needs no numpy.

It is written by itself and shares no code with the engine; tests compare the two.

Where to look:
    student     Student's t, and intervals of differences between groups of models
    models      the numbers of models, from the raw outputs
    method      estimands about the method
    shipped     estimands about the one model that would be released
    shares      counts of single examples
    ranks       how well groups of models are told apart
    twins       how a model without oracles ranks the examples to forget among held-out ones
    controls    controls, influence and vetoes
    privacy     what private training costs; it follows from the recipe
"""
