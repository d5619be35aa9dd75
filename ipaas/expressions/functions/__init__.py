"""The functions of the expression language; importing this package registers them."""

from ipaas.expressions.functions import data, dates, lists, numbers, objects, texts

__all__ = ["data", "dates", "lists", "numbers", "objects", "texts"]
