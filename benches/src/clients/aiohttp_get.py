"""GETs by aiohttp: python3 - URL BODY TASKS GETS; prints CPU, user and wall-clock seconds of all. Status 3: no aiohttp."""

import asyncio
import os
import sys
import time

try:
    import aiohttp
except ModuleNotFoundError:
    sys.exit(3)


async def main(url, body, tasks, gets):
    connector = aiohttp.TCPConnector(limit=tasks)
    async with aiohttp.ClientSession(connector=connector) as session:

        async def get(times):
            for _ in range(times):
                async with session.get(url) as response:
                    assert await response.read() == body

        # Connected and warm.
        await asyncio.gather(*(get(1) for _ in range(tasks)))
        cpu, user, wall = time.process_time(), os.times().user, time.perf_counter()
        await asyncio.gather(*(get(gets) for _ in range(tasks)))
        print(time.process_time() - cpu, os.times().user - user, time.perf_counter() - wall)


url, body, tasks, gets = sys.argv[1:]
asyncio.run(main(url, body.encode(), int(tasks), int(gets)))
