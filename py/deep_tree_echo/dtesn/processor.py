"""The deep tree echo state network: an input through engine, membranes, reservoirs and readout."""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Sequence
from contextlib import aclosing, contextmanager
from dataclasses import replace
from typing import Any, Final

from ..errors import ArgumentError, LimitError
from ..events import Event
from .answers import Answers
from .engine_context import (
    engine_context,
    look_at,
    optimal_esn_size,
    optimal_membrane_depth,
)
from .hierarchy import Hierarchy
from .inputs import InputData
from .membrane_reservoir import membrane_reservoir
from .multi_source import MultiSource
from .passage import Body, Passage
from .processor_config import DTESNConfig
from .processor_events import IntegrationChecked, Processed
from .request import Request, checked_request
from .result import DTESNResult
from .turns import Priority, Turns

__all__ = ["MOST_AT_ONCE", "DTESNProcessor"]

MOST_AT_ONCE: Final = 100
"""The most inputs of a batch."""
_BODIES: Final = 4
"""How many pairs of depth and size are kept ready."""


class DTESNProcessor(MultiSource):
    """Processes inputs; see docs/dtesn.md for what happens to them.

    One processor serves the tasks of one event loop at a time. Requests share its weights and its
    cache, never a state, so an input always gives the same result.

    Parameters
    ----------
    config : DTESNConfig, optional
        The settings; those of the environment if not given.
    engine : optional
        A `Model`, a backend or a chain, whose hidden states drive the reservoirs; it stays the
        caller's. Without one the bytes of the input do.

    Raises
    ------
    ArgumentError
        If the configuration is none.

    Examples
    --------
    >>> import asyncio
    >>> processor = DTESNProcessor(DTESNConfig(esn_reservoir_size=64, max_membrane_depth=3))
    >>> result = asyncio.run(processor.process("test input"))
    >>> result.membrane_layers, result.esn_state["size"], result.bseries_computation["order"]
    (3, 64, 1)
    >>> result.engine_integration["engine_available"]
    False
    """

    def __init__(self, config: DTESNConfig | None = None, engine: Any = None) -> None:
        if config is not None and not isinstance(config, DTESNConfig):
            raise ArgumentError(
                f"config is of type {type(config).__name__}; give a DTESNConfig, or none."
            )
        self.config = DTESNConfig.from_env() if config is None else config
        self.engine = engine
        self._turns = Turns()
        self._bodies: OrderedDict[tuple[int, int], Body] = OrderedDict()
        self._answers = Answers(self.config)
        self._counts = dict.fromkeys(
            ("requests", "completed", "failed", "cancelled", "cache_hits", "tokens"), 0
        )
        self._seconds = 0.0
        self._under_way = self._batches = 0

    async def process(
        self,
        input_data: InputData,
        membrane_depth: int | None = None,
        esn_size: int | None = None,
        *,
        priority: Priority = "normal",
        timeout: float | None = None,
    ) -> DTESNResult:
        """Processes one input.

        Parameters
        ----------
        input_data : str, bytes, dict or list
            A text, or what becomes one, see `inputs.text_of`.
        membrane_depth : int, optional
            Levels of the hierarchy, 1 to 16; chosen by the engine if not given.
        esn_size : int, optional
            Units of all reservoirs together, 32 to 4096; likewise.
        priority : {"critical", "high", "normal", "low", "background"}
            Who comes first where several wait, see `Turns`.
        timeout : float, optional
            The most seconds from now.

        Returns
        -------
        DTESNResult
            The result; it is the caller's to change.

        Raises
        ------
        ArgumentError
            If an argument is not such, or the input is too long.
        LimitError
            If it takes longer than ``timeout``, or too many requests are under way.
        BackendError
            If the engine's model gives no finite numbers.
        """
        request = self._request(input_data, membrane_depth, esn_size, priority, timeout)
        return await self._answer(request)

    def stream(
        self,
        input_data: InputData,
        membrane_depth: int | None = None,
        esn_size: int | None = None,
        *,
        priority: Priority = "normal",
        timeout: float | None = None,
    ) -> AsyncIterator[Event]:
        """Processes one input and tells what happens while it happens.

        Parameters are those of `process`, and so are errors; wrong arguments are refused at once.

        Yields
        ------
        Event
            `HierarchyReady`; for every beat `ReservoirsMoved` and `MembranesStepped`;
            `IntegrationChecked`; and `Processed` with the result. Nothing is computed ahead, and
            leaving early ends the request.
        """
        request = self._request(input_data, membrane_depth, esn_size, priority, timeout)
        return self._events(request)

    async def batch(
        self,
        inputs: Sequence[InputData],
        membrane_depth: int | None = None,
        esn_size: int | None = None,
        *,
        priority: Priority = "normal",
        timeout: float | None = None,
        concurrency: int = 8,
    ) -> list[DTESNResult]:
        """Processes 1 to 100 inputs, all or none.

        Parameters
        ----------
        inputs : sequence
            Inputs as for `process`; the results come in the same order.
        membrane_depth, esn_size, priority, timeout
            As for `process`; the timeout is for all of them together.
        concurrency : int
            How many are under way at once.

        Raises
        ------
        ArgumentError
            If there are too few or too many, or one is not such: then none is begun.
        LimitError, BackendError
            As `process`; the others are then ended, too.
        """
        if isinstance(inputs, (str, bytes, dict)) or not isinstance(inputs, Sequence):
            raise ArgumentError(
                f"inputs is of type {type(inputs).__name__}; give a list of inputs."
            )
        if not 1 <= len(inputs) <= MOST_AT_ONCE:
            raise ArgumentError(
                f"inputs has {len(inputs)} entries; a batch has 1 to {MOST_AT_ONCE}."
            )
        if isinstance(concurrency, bool) or not isinstance(concurrency, int) or concurrency < 1:
            raise ArgumentError(f"concurrency is {concurrency!r}; it must be at least 1.")
        requests = []
        for place, one in enumerate(inputs):
            try:
                requests.append(self._request(one, membrane_depth, esn_size, priority, timeout))
            except ArgumentError as error:
                raise ArgumentError(f"inputs[{place}]: {error}") from None
        results: list[DTESNResult | None] = [None] * len(requests)
        waiting = iter(enumerate(requests))

        async def work() -> None:
            for place, request in waiting:
                results[place] = await self._answer(request)

        tasks = [asyncio.ensure_future(work()) for _ in range(min(concurrency, len(requests)))]
        self._batches += 1
        try:
            await asyncio.gather(*tasks)
        finally:
            self._batches -= 1
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        return [result for result in results if result is not None]

    def status(self) -> dict[str, Any]:
        """How it is set up, and what is under way."""
        view = look_at(self.engine, self.config)
        return {
            "config": self.config.to_json(),
            "engine_available": view.engine is not None,
            "engine_ready": view.model is not None,
            "reason": view.reason,
            "membrane_depth": optimal_membrane_depth(self.config, view),
            "esn_size": optimal_esn_size(self.config, view),
            "under_way": self._under_way,
            "waiting": self._turns.waiting,
            "cached": len(self._answers),
        }

    def metrics(self) -> dict[str, Any]:
        """What has been done since it was made; empty without performance monitoring."""
        if not self.config.enable_performance_monitoring:
            return {}
        done, seconds = self._counts["completed"] - self._counts["cache_hits"], self._seconds
        return self._counts | {
            "seconds": seconds,
            "mean_seconds": seconds / done if done else 0.0,
            "tokens_per_second": self._counts["tokens"] / seconds if seconds else 0.0,
        }

    def clear_cache(self) -> None:
        """Forgets all answers."""
        self._answers.clear()

    # ------------------------------------------------------------------ one request

    def _request(
        self,
        input_data: InputData,
        depth: int | None,
        size: int | None,
        priority: Priority,
        timeout: float | None,
    ) -> Request:
        view = look_at(self.engine, self.config)
        self._answers.belong_to(view.model)
        return checked_request(self.config, view, input_data, depth, size, priority, timeout)

    async def _answer(self, request: Request) -> DTESNResult:
        with self._counted():
            async with self._turns.turn(request.priority, new=True):
                found = self._cached(request)
            if found is None:
                async with aclosing(self._compute(request, trace=False)) as events:
                    async for event in events:
                        if isinstance(event, DTESNResult):
                            found = event
        assert found is not None
        return found

    async def _events(self, request: Request) -> AsyncIterator[Event]:
        with self._counted():
            async with aclosing(self._compute(request, trace=True)) as events:
                async for event in events:
                    if isinstance(event, DTESNResult):
                        yield Processed(event.to_dict())
                    else:
                        yield event

    async def _compute(
        self, request: Request, *, trace: bool
    ) -> AsyncGenerator[Event | DTESNResult, None]:
        async with self._turns.turn(request.priority, new=trace):
            begin = time.perf_counter()
            passage = Passage(self._body(request), request.feed(self.config), trace=trace)
            spent = time.perf_counter() - begin
        if trace:
            yield passage.opening()
        while not passage.finished:
            request.check_time()
            async with self._turns.turn(request.priority):
                begin = time.perf_counter()
                events = list(passage.beat())
                spent += time.perf_counter() - begin
            for event in events:
                yield event
        request.check_time()
        async with self._turns.turn(request.priority):
            begin = time.perf_counter()
            report = passage.bseries(self.config.bseries_max_order)
            bseries_seconds = time.perf_counter() - begin
            spent += bseries_seconds
        if trace:
            yield IntegrationChecked(report)
        request.check_time()
        self._seconds += spent
        self._counts["tokens"] += len(request.tokens)
        seconds = passage.seconds | {"bseries": bseries_seconds}
        result = self._result(request, passage, report, seconds)
        self._answers.keep(request.key, result)
        yield result

    def _result(
        self,
        request: Request,
        passage: Passage,
        report: dict[str, Any],
        seconds: dict[str, float],
    ) -> DTESNResult:
        output = passage.output() | {"reason": request.view.reason}
        metrics = {}
        if self.config.enable_performance_monitoring:
            metrics = {f"{name}_ms": value * 1e3 for name, value in seconds.items()}
            metrics["tokens_per_second"] = len(request.tokens) / max(sum(seconds.values()), 1e-9)
            metrics["cache_hit"] = False
        now = look_at(self.engine, self.config)
        return DTESNResult(
            request.text,
            output,
            request.depth,
            passage.esn_state(),
            report,
            request.seconds * 1e3,
            engine_context(
                request.view,
                self.config,
                synchronized=now.model is request.view.model,
                metrics=metrics,
            ),
        )

    def _body(self, request: Request) -> Body:
        key = request.depth, request.size
        body = self._bodies.get(key)
        if body is None:
            hierarchy = Hierarchy.build(*key)
            reservoir = membrane_reservoir(hierarchy, self.config)
            body = Body(hierarchy, reservoir, self.config.spectral_radius)
            self._bodies[key] = body
            if len(self._bodies) > _BODIES:
                self._bodies.popitem(last=False)
        self._bodies.move_to_end(key)
        return body

    # ---------------------------------------------------------------- counts, cache

    @contextmanager
    def _counted(self) -> Iterator[None]:
        if self._under_way >= self.config.max_concurrent_processes:
            raise LimitError(
                f"{self._under_way} requests are under way; more than max_concurrent_processes="
                f"{self.config.max_concurrent_processes} are not taken, try again later."
            )
        self._under_way += 1
        self._counts["requests"] += 1
        try:
            yield
        except (asyncio.CancelledError, GeneratorExit):
            self._counts["cancelled"] += 1
            raise
        except BaseException:
            self._counts["failed"] += 1
            raise
        else:
            self._counts["completed"] += 1
        finally:
            self._under_way -= 1

    def _cached(self, request: Request) -> DTESNResult | None:
        result = self._answers.get(request.key)
        if result is None:
            return None
        self._counts["cache_hits"] += 1
        if self.config.enable_performance_monitoring:
            result.engine_integration["performance_metrics"]["cache_hit"] = True
        return replace(result, processing_time_ms=request.seconds * 1e3)
