"""The local tier: a small model of the business's own labels, free of charge and within milliseconds.

Needs the extra ``local`` (scikit-learn); nothing here imports it before it is used.
"""
