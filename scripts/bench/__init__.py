"""The benches behind ``scripts/bench_robustness``.

``frames``, ``stages``, ``timing`` and ``effects`` change frames; ``render`` decodes, applies them,
encodes.  ``attacks`` lists what is done to a clip, ``attacks_picture`` and ``hostile`` parts of it.
``runner`` stamps, attacks and verifies; ``diagnose`` measures how far a failure was from decoding.
``quality`` measures what the mark costs; ``peers`` are other watermarks, ``peer_run`` puts them
through the same; ``screenshots`` picks single frames; ``table`` prints.
"""
