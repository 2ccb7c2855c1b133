"""What goes over the wire, a file for each file of routes.

Times are seconds since the epoch; a category of null means Unsorted.
"""
