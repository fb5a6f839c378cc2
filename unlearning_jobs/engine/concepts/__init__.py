"""Edits concepts out of language models, and tells what the models still answer (docs/concepts.md).

split           which probes a method sees, and which are kept aside for the audit
templates       probes from templates of ours; probe_files: from files
asking          asks a model all probes; what it answered stays with the result
closed_forms    ROME and MEMIT as formulas; places, values, covariance, tracing: what they are worked out from
rome, memit     the methods; by_examples: methods of examples on a concept; methods: the table of all
attacks         extraction, relearning, logit lens; utility beside them
findings        shares, intervals and the outcome, from the raw answers alone
run             one job
world           a small planted world, where an oracle exists
"""
