"""What is compared: one module a library, one function a way of using it.

Each function prepares a contender inside a process of its own (`worker.py`) and returns what is
timed: a function from a request (a folder of JPEGs, or a number of images) to feature rows.
"""
