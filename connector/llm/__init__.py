"""Asking Claude once per question, understanding the answer, pricing it."""
