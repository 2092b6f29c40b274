"""What a reproduction of the result of 2014 says, as a page."""
