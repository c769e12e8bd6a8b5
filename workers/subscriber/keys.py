"""The names of what a group keeps in Redis beside the stream; all begin with the stream's own key, for ACL rules."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Keys:
    """Keys of one group on one stream."""

    stream: str
    group: str

    @property
    def dead(self) -> str:
        """The dead-letter stream, one for all groups."""
        return f"{self.stream}:dead"

    @property
    def again(self) -> str:
        """Dead letters that an operator wants tried again."""
        return f"{self.stream}:again:{self.group}"

    @property
    def config(self) -> str:
        """Hash: how the group was made."""
        return f"{self.stream}:group:{self.group}"

    @property
    def members(self) -> str:
        """Sorted set: consumers by the time of their last heartbeat."""
        return f"{self.stream}:members:{self.group}"

    @property
    def wants(self) -> str:
        """Sorted set: consumers with too few partitions, by the time they last asked for one."""
        return f"{self.stream}:wants:{self.group}"

    @property
    def cursors(self) -> str:
        """Hash: per partition, the position up to which everything was received."""
        return f"{self.stream}:cursors:{self.group}"

    @property
    def gaps(self) -> str:
        """Hash: per partition, a gap that is not dealt with yet."""
        return f"{self.stream}:gaps:{self.group}"

    @property
    def tries(self) -> str:
        """Hash: per event that failed, how often."""
        return f"{self.stream}:tries:{self.group}"

    @property
    def seen(self) -> str:
        """Sorted set: ids that were handled, by position."""
        return f"{self.stream}:seen:{self.group}"

    def lease(self, partition: int) -> str:
        """Who may read a partition."""
        return f"{self.stream}:lease:{self.group}:{partition}"

    def partition(self, partition: int, partitions: int) -> str:
        """The consumer group of a partition; with one partition it is the group itself."""
        return self.group if partitions == 1 else f"{self.group}/{partition}"
