"""How well pictures are grouped: every set with its bars, other methods beside it on the same vectors, and encoders."""
