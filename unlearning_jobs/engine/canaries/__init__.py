"""Canaries: invented rows of which a sealed coin decides which half a model is trained on.

If nothing of the erased half is left, a model cannot tell it from the half that it never saw: a verdict on the method and on
the pipeline, without any oracle. See docs/canaries.md.

people        invented persons
making        rows for a corpus
marks         which rows of a corpus they are
drawing       the coin, and the commitment to it
judgement     what the scores of two models say, and what they do not say
source        what is judged
folders       models in folders, measured here

Nothing is imported here: the folders need torch, which web processes never load, and the test needs SciPy.
"""
