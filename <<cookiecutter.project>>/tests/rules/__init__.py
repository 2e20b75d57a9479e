"""The rules that this bundle keeps.

Each is a function named after what it promises. It takes the bundle's files and yields a sentence
for whatever breaks it: the file, and the line or task; what is wrong; the remedy.
"""
