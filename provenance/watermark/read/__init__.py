"""Reading under a map that is given: the codeword, and how much a decode proves."""
