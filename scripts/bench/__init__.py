"""The robustness and quality benches behind ``scripts/bench_robustness``.

``stages`` and ``effects`` change frames, ``render`` decodes, chains them and encodes, ``attacks``
lists what is done to a clip, ``runner`` stamps, attacks and verifies, ``diagnose`` measures how far
a failure was from decoding, ``quality`` measures what the mark costs, ``table`` prints.
"""
