"""An OpenAI-compatible gateway in front of a model server: it applies guards and refuses quarantined models.

    python -m unlearning_jobs.gateway --policy POLICY --upstream URL [--port PORT]
    python -m unlearning_jobs.gateway --serve FOLDER [--port PORT]

Suppression: the weights behind it are unchanged. It logs counts and never a text. It knows no Django, and no database: what
it is to do stands in its policy (`policy.py`).
"""
