"""What a picture shows of a mark and how much of one it hides: the residual, the mask, what is kept
of a clip, and how a plane is laid back under a map."""
