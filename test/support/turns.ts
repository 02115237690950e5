/** Runs `work`, and says which turn of the event loop took longest: in processor time of this thread, as others may be busy on the machine. */
export async function longestTurn<T>(work: () => Promise<T>): Promise<{ result: T; longestMs: number; turns: number }> {
  let longest = 0;
  let turns = 0;
  let isOver = false;
  let last = process.threadCpuUsage();
  const look = () => {
    const { user, system } = process.threadCpuUsage(last);
    longest = Math.max(longest, user + system);
    last = process.threadCpuUsage();
    turns++;
    if (!isOver) setImmediate(look);
  };
  setImmediate(look);
  const result = await work();
  isOver = true;
  look();
  return { result, longestMs: longest / 1000, turns };
}
