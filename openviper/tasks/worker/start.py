"""What ``start-worker`` does, in order."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Callable, Iterator, Sequence

from openviper.tasks.actors import Registry
from openviper.tasks.broker import get_broker, reset_broker, tasks_config
from openviper.tasks.brokers.base import QueueInfo
from openviper.tasks.discovery import TaskImportError, discover_tasks, import_tasks
from openviper.tasks.exceptions import BrokerError, OpenViperTasksConfigurationError
from openviper.tasks.logging import configure_task_logging
from openviper.tasks.worker.supervisor import run_worker
from openviper.utils.event_loops import require_event_loop
from openviper.utils.identifiers import closest

Say = Callable[[str], None]


def _to_stdout(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def _to_stderr(line: str) -> None:
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()


def run(
    *,
    processes: int = 1,
    threads: int = 8,
    queues: Sequence[str] | None = None,
    installed_apps: Sequence[str] | None = None,
    no_scheduler: bool = False,
    until_empty: bool = False,
    modules: Sequence[str] = (),
    grace: float | None = None,
    max_tasks_per_child: int | None = None,
    say: Say = _to_stdout,
    complain: Say = _to_stderr,
) -> int:
    """Load the project's actors and work until a signal says to stop.

    Args:
        processes: How many processes work.
        threads: Plain calls at a time in each.
        queues: The queues to take from; all when not given.
        installed_apps: The apps whose ``tasks`` modules are imported; those of the settings when not given.
        no_scheduler: Send no periodic jobs.
        until_empty: End when nothing is left that could run at once; periodic jobs are not sent then.
        modules: Further modules to import first.
        grace: Seconds that running tasks are given to end; those of `TASKS` when not given.
        max_tasks_per_child: Calls after which a process is replaced; those of `TASKS` when not given.
        say: Takes the lines for the person who started it.
        complain: Takes the lines that say why it does not start.

    Returns:
        The exit code: 0 after an orderly end, 1 if it cannot start.

    Raises:
        CommandError: If no event loop can run on this system.
    """
    require_event_loop()
    try:
        config = tasks_config()
    except OpenViperTasksConfigurationError as error:
        for line in error.errors:
            complain(f"Error: {line}")
        return 1
    if not config.enabled:
        complain("Error: tasks are disabled (TASKS['enabled'] is 0)")
        return 1
    configure_task_logging(worker=True)
    try:
        for module in modules:
            import_tasks(module)
        discover_tasks(installed_apps)
    except TaskImportError as error:
        complain(f"Error: {error}")
        complain("".join(traceback.format_exception(error.__cause__)).rstrip())
        return 1
    # Jobs may be added while the worker runs, so it is on whether there are some or not.
    scheduled = not no_scheduler and not until_empty
    if not _prepare(scheduled, queues or (), complain):
        return 1
    line = _start_line(config.broker, processes, threads, queues, scheduled=scheduled)
    code = run_worker(
        processes=processes,
        threads=threads,
        queues=queues,
        with_scheduler=scheduled,
        until_empty=until_empty,
        grace=grace,
        max_tasks_per_child=max_tasks_per_child,
        started=lambda: say(line),
    )
    say("Worker stopped.")
    return code


def _prepare(scheduled: bool, queues: Sequence[str], complain: Say) -> bool:
    """Open the store once, so that one that cannot work is named at once, and close it: it is not to be shared by a fork."""
    try:
        broker = get_broker()
        broker.workers()  # These are few, while to look at the queues is to look at all messages.
        for line in _about_unknown(queues, broker.queues):
            complain(line)
        if scheduled:
            # Late: a worker without periodic jobs does without the models.
            from openviper.tasks.schedule.stored_jobs import sync_now

            sync_now()
    except BrokerError as error:
        complain(f"Error: {error}")
        return False
    finally:
        reset_broker()
    return True


def _about_unknown(queues: Sequence[str], held: Callable[[], Sequence[QueueInfo]]) -> Iterator[str]:
    """Yield a warning for each queue that nothing is known to send to: a misspelt one would wait for ever."""
    known = {actor.queue_name for actor in Registry.actors()}
    known.update(entry.queue_name for entry in Registry.schedule() if entry.queue_name)
    if not known.issuperset(queues):
        known.update(queue.name for queue in held())
    for queue in queues:
        if queue not in known:
            match = closest(queue, sorted(known))
            hint = f"; did you mean {match!r}?" if match else ""
            yield f"Warning: no actor, periodic job or message has the queue {queue!r}{hint}"


def _start_line(
    broker: str, processes: int, threads: int, queues: Sequence[str] | None, *, scheduled: bool
) -> str:
    return (
        f"Worker started: broker {broker}, processes {processes}, threads {threads}, "
        f"queues {', '.join(queues) if queues else 'all'}, scheduler {'on' if scheduled else 'off'}"
    )
