"""The functions of the expression language; importing this package registers them."""

from ipaas.expressions.functions import chance, data, dates, lists, numbers, objects, texts

__all__ = ["chance", "data", "dates", "lists", "numbers", "objects", "texts"]
