"""One file per kind of thing; a route says what it takes and hands it to the library."""
