"""What a mark is: keys, the code of its 96 bits, the layout that deals them to frequencies, and the
pattern these make.  Nothing here has seen a picture."""
