"""The bundled sample wire: feeds of the project's own, served on loopback, so that a first run needs no net."""

from workers.sample.wire import SampleWire

__all__ = ["SampleWire"]
