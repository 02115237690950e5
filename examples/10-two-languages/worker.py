"""A worker for Tutti in Python, with nats-py and docs/protocol.md alone: NATS_URL=nats://127.0.0.1:4222 python worker.py"""
import asyncio, json, os, signal, sys, time
import nats

TYPE, NAME = "analyze-text", f"python-{os.getpid()}"
TEXT = {"type": "object", "properties": {"text": {"type": "string"}}, "required": ["text"]}
REGISTRATION = {"v": 1, "type": TYPE, "description": "Counts the words of a text, line by line", "input": TEXT}

async def handle(task_input):
    """Returns the content of the result: an output, a plan or an error."""
    lines = task_input["text"].splitlines()
    if not lines:
        return {"error": {"kind": "terminal", "message": "the text is empty"}}
    if len(lines) > 1:  # a plan with one child per line; its output is an object of theirs by key
        children = {f"line-{i}": {"type": TYPE, "input": {"text": line}} for i, line in enumerate(lines)}
        return {"plan": {"v": 1, "tasks": children}}
    return {"output": {"words": len(lines[0].split())}}

async def beat(message):
    while True:  # well within the consumer's ack wait, after which the task is given to another worker
        await asyncio.sleep(5)
        await message.in_progress()

async def is_settled(nc, message, task):
    query = {key: task[key] for key in ("run", "task", "attempt")} | {"tenant": message.subject.split(".")[5]}
    try:
        answer = await nc.request("tutti.api.tasks.settled", json.dumps(query).encode(), timeout=5)
        return json.loads(answer.data).get("settled", False)
    except nats.errors.Error:
        return False  # no orchestrator answers: executing the task again is allowed

async def execute(nc, js, message):
    task, heart = json.loads(message.data), asyncio.create_task(beat(message))
    result = {"task": task["task"], "attempt": task["attempt"], "worker": NAME, "startedAt": int(time.time() * 1000)}
    try:
        if message.metadata.num_delivered > 1 and await is_settled(nc, message, task):
            return await message.ack()
        try:
            if "inputRef" in task:  # an input above 256 KiB is in the object store
                task["input"] = json.loads((await (await js.object_store("TUTTI_blobs")).get(task["inputRef"])).data)
            result |= await handle(task["input"])
        except Exception as error:
            result["error"] = {"kind": "retryable", "message": repr(error)}
        await js.publish(task["reply"] + ".result", json.dumps({"v": 1, "results": [result]}).encode())
        await message.ack()  # the result is stored: publish waited for the PubAck
    finally:
        heart.cancel()

async def main():
    nc = await nats.connect(os.environ.get("NATS_URL", "nats://127.0.0.1:4222"), name=NAME)
    js, stopping, slots, working = nc.jetstream(), asyncio.Event(), asyncio.Semaphore(8), set()
    for name in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(name, stopping.set)
    try:
        await (await js.key_value("TUTTI_types")).put(TYPE, json.dumps(REGISTRATION).encode())
    except nats.js.errors.BucketNotFoundError:
        sys.exit("this server has no bucket TUTTI_types: start a Tutti orchestrator on it first")

    async def pull(priority):  # creates the consumer if it is missing
        config = nats.js.api.ConsumerConfig(ack_wait=30, max_ack_pending=100_000, max_waiting=8192)
        subject, durable = f"tutti.tasks.{TYPE}.{priority}.>", f"{TYPE}_{priority}"
        queue = await js.pull_subscribe(subject, durable, "TUTTI_TASKS", config)
        while not stopping.is_set():
            await slots.acquire()
            try:
                [message] = await queue.fetch(1, timeout=1)
            except nats.errors.TimeoutError:
                slots.release()
                continue
            work = asyncio.create_task(execute(nc, js, message))
            working.add(work)
            work.add_done_callback(lambda done: (working.discard(done), slots.release()))

    print(f"worker {NAME} ready", flush=True)
    await asyncio.gather(*(pull(priority) for priority in ("high", "normal", "low")))
    if working:  # finish the tasks in progress
        await asyncio.wait(working, timeout=10)
    await nc.close()

asyncio.run(main())
