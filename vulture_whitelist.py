"""Names that nothing in the code calls and that stay, each with its reason. Read by vulture in `make check`; never run."""

# ruff: noqa: B018, F821  # the names stand here for vulture alone

# -- called by name, by something that vulture does not read
_.LetheFormRenderer  # FORM_RENDERER in the settings names it
_.form_template_name  # a Django form renderer's attributes
_.field_template_name
_.use_required_attribute  # Django's forms read it
_.REQUIRED_FIELDS  # createsuperuser reads it from the user model
_.db_type  # a Django model field's hooks
_.get_db_prep_value
_.get_lookup
_.lookup_name
_.from_db_value
_.value_to_string
_.DATE_FORMAT  # Django reads the module of a locale's formats
_.DATETIME_FORMAT
_.TIME_FORMAT
_.SHORT_DATE_FORMAT
_.SHORT_DATETIME_FORMAT
_.FIRST_DAY_OF_WEEK
_.abstract  # Django reads it in Meta
_.authentication_form  # Django's LoginView reads it
_.RedactingFormatter  # LOGGING in the settings names it
_.control_characters_shown  # MIDDLEWARE in the settings names it
_.ClassifierFamily  # families.FAMILIES names it, and loads it when a recipe does
_.LogisticFamily
_.SummationFamily

_.FolderStore  # engine.stores.adapters.ADAPTERS names them, and loads one when a spec does
_.FaissStore
_.HnswlibStore
_.PgvectorStore

_.receive_data_chunk  # Django calls them on an upload handler
_.file_complete
_.readable  # io.BufferedReader asks a raw stream
_.seekable
_.keyid  # a field of DSSE's signatures, read as JSON
_.compute_loss  # transformers' Trainer calls it

# -- set for a library that reads them
_.upload_handlers  # Django reads it when it parses a form
_.MAX_IMAGE_PIXELS  # Pillow
_.autocommit  # psycopg2
_.itersize
_.encode_special_tokens  # Hugging Face tokenizers
_.post_processor
_.pre_tokenizer
_.decoder
_.grad_sample  # Opacus keeps each example's gradients there

# -- fields of forms: templates and services read them by the name that was posted
_.assigned_to_me
_.own_name
_.good_faith
_.authority
_.rightsholder
_.since  # the filter of the record
_.document  # forms of the components page
_.identifiers
_.stores
_.agreed

# -- columns that queries and database triggers read
_.decided_at  # values_list("decided_at"); of a match, what an auditor of the database sees
_.token_sha256  # a link is looked up by it
_.ring_at  # filter(ring_at__lte=...)
_.touched_at  # requests_app.public.draft filters by it

# -- fields of JSON contracts: written into result.json, spec.json or a recipe for whoever reads the file
_.device_share
_.examples_share
_.too_high_fwer
_.too_low_fwer
_.train_examples
_.code_version  # part of a recipe's digest

# -- benchmarks
_.compute_loss  # transformers' Trainer calls it
_.TUNING  # the forget sets on which settings were tuned; a test makes them

# -- read by their path in the signed statement (compliance.evidence.agreements)
_.spec_sha256
_.forget_set_sha256
_.recipe_sha256
_.report_envelope_sha256
_.replaced_model_sha256
_.keyid  # a field of the format of envelopes, which nothing of ours believes
_.compute_loss  # transformers' Trainer calls it

# -- columns that only queries name
_.ordered_at

# -- statements about the code, which a test compares with it
_.READ_BY_A_STEP
_.NOT_READ
_.NOT_RECOMPUTED
_.AT_ANY_TIME

# -- called by the buffer around it (io.RawIOBase)
_.readable
_.readinto
# -- what the index's container and the review page read of the parts by meaning and for images
_.AnsweringPart
_.installed
_.because
_.copied

# -- values that a form offers and the database keeps
_.INPUT_FILTER
_.MERGE
_.QUANTISED
_.DISTILLED
_.LICENSEE
_.BACKUP

# -- what a form sets on its fields, and Django reads
_.queryset
_.field_order
