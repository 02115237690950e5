/**
 * `node langgraph.ts`: LangGraph.js as a contender, with everything in this process and no checkpointer, so that
 * nothing is persisted. The fan-out uses `Send`, limited by `maxConcurrency` as its documentation recommends; without
 * the limit, a fan-out of 10,000 takes ten times as long.
 */
import { Annotation, END, Send, START, StateGraph } from "@langchain/langgraph";
import { expectResult, serveContender } from "../contender.ts";

const CONFIG = { maxConcurrency: 100 };

const append = Annotation<number[]>({ reducer: (before, more) => before.concat(more), default: () => [] });

const FanOut = Annotation.Root({ n: Annotation<number>, outputs: append, counted: Annotation<number> });
const fanOut = new StateGraph(FanOut)
  .addNode("noop", ({ i }: { i: number }) => ({ outputs: [i] }))
  .addNode("count", ({ outputs }) => ({ counted: outputs.length }))
  .addConditionalEdges(START, ({ n }) => Array.from({ length: n }, (_, i) => new Send("noop", { i })))
  .addEdge("noop", "count")
  .addEdge("count", END)
  .compile();

const SixTasks = Annotation.Root({ i: Annotation<number>, outputs: append, counted: Annotation<number> });
const PARTS = ["part-1", "part-2", "part-3", "part-4"] as const;
const sixTasks = (() => {
  const part = ({ i }: { i: number }) => ({ outputs: [i] });
  return new StateGraph(SixTasks)
    .addNode("extract", ({ i }) => ({ i }))
    .addNode("part-1", part)
    .addNode("part-2", part)
    .addNode("part-3", part)
    .addNode("part-4", part)
    .addNode("report", ({ outputs }) => ({ counted: outputs.length }))
    .addEdge(START, "extract")
    .addEdge("extract", "part-1")
    .addEdge("extract", "part-2")
    .addEdge("extract", "part-3")
    .addEdge("extract", "part-4")
    .addEdge([...PARTS], "report")
    .addEdge("report", END)
    .compile();
})();

const Link = Annotation.Root({ i: Annotation<number> });
const chains = new Map<number, ReturnType<typeof createChain>>();
function createChain(n: number) {
  const nodes = Array.from({ length: n }, (_, i) => [`p${i}`, ({ i }: { i: number }) => ({ i })] as const);
  const graph = new StateGraph(Link).addSequence(nodes.map(([name, run]) => [name, run] as [string, typeof run]));
  return graph
    .addEdge(START, "p0")
    .addEdge(`p${n - 1}`, END)
    .compile();
}

await serveContender({
  async fanOut(n) {
    const from = performance.now();
    const { counted } = await fanOut.invoke({ n }, CONFIG);
    expectResult("fan-out", n, counted);
    return performance.now() - from;
  },
  async chain(n) {
    const chain = chains.get(n) ?? createChain(n);
    chains.set(n, chain);
    const from = performance.now();
    const { i } = await chain.invoke({ i: 7 }, { ...CONFIG, recursionLimit: n + 10 });
    expectResult("chain", 7, i);
    return (performance.now() - from) / n;
  },
  async sixTasks() {
    const from = performance.now();
    const { counted } = await sixTasks.invoke({ i: 1 }, CONFIG);
    expectResult("six tasks", 4, counted);
    return performance.now() - from;
  },
});
