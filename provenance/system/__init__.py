"""What both the media side and the manifest side must know of files, without any library."""
