"""Stands in for Slicer's translations: every text stays as it is."""


def tr(text):
    return text


def translate(context, text):
    return text
