"""Placeholder until the sample branch lands."""


class SampleWire:
    def __init__(self, port: int = 0) -> None: ...
