import { wordsOf } from "./segments.ts";
import { bareWord, stopWordsOf } from "./stop-words.ts";

/** The usual damping of PageRank, and enough rounds for four digits. */
const DAMPING = 0.85;
const ROUNDS = 30;

type Vector = ReadonlyMap<string, number>;

/** Sentences as tf-idf vectors of length 1. A sentence of stop words only has the empty vector. */
export function vectorsOf(sentences: readonly string[], language: string): Vector[] {
  const stopWords = stopWordsOf(language);
  const counts = sentences.map((sentence) => {
    const count = new Map<string, number>();
    for (const { text } of wordsOf(sentence)) {
      const word = bareWord(text, language);
      if (!stopWords.has(word)) count.set(word, (count.get(word) ?? 0) + 1);
    }
    return count;
  });
  const frequency = new Map<string, number>();
  for (const count of counts) for (const word of count.keys()) frequency.set(word, (frequency.get(word) ?? 0) + 1);
  return counts.map((count) => {
    const weighted = new Map<string, number>();
    let square = 0;
    for (const [word, n] of count) {
      const weight = n * Math.log(1 + sentences.length / frequency.get(word)!);
      weighted.set(word, weight);
      square += weight * weight;
    }
    const length = Math.sqrt(square) || 1;
    for (const [word, weight] of weighted) weighted.set(word, weight / length);
    return weighted;
  });
}

/** The cosine of two vectors of length 1. */
export function similarityOf(a: Vector, b: Vector): number {
  const [few, many] = a.size < b.size ? [a, b] : [b, a];
  let sum = 0;
  for (const [word, weight] of few) sum += weight * (many.get(word) ?? 0);
  return sum;
}

/** The similarity of each vector to the sum of all. It takes linear time, so it can preselect among thousands. */
export function centralityOf(vectors: readonly Vector[]): number[] {
  const centre = new Map<string, number>();
  for (const vector of vectors) for (const [word, weight] of vector) centre.set(word, (centre.get(word) ?? 0) + weight);
  return vectors.map((vector) => similarityOf(vector, centre));
}

/**
 * Continuous LexRank (Erkan and Radev, 2004): PageRank over the graph of sentences, whose edges are weighted by
 * similarity. The random jump favours the first sentences, in which authors state their subject. The ranks sum to 1;
 * the time is quadratic.
 */
export function rankVectors(vectors: readonly Vector[]): number[] {
  const n = vectors.length;
  const jump = vectors.map((_, i) => 1 + 2 / (1 + i));
  const jumps = jump.reduce((sum, one) => sum + one, 0);
  const edges = vectors.map(() => new Float64Array(n));
  const degrees = new Float64Array(n);
  for (let i = 0; i < n; i++)
    for (let j = 0; j < i; j++) {
      const weight = similarityOf(vectors[i]!, vectors[j]!);
      edges[i]![j] = weight;
      edges[j]![i] = weight;
      degrees[i]! += weight;
      degrees[j]! += weight;
    }
  let rank = jump.map((one) => one / jumps);
  for (let round = 0; round < ROUNDS; round++) {
    const next = new Array<number>(n).fill(0);
    let stranded = 0;
    for (let i = 0; i < n; i++) {
      const degree = degrees[i]!;
      if (degree === 0) stranded += rank[i]!;
      else for (let j = 0; j < n; j++) next[j]! += (rank[i]! * edges[i]![j]!) / degree;
    }
    rank = next.map((flow, i) => ((1 - DAMPING + DAMPING * stranded) * jump[i]!) / jumps + DAMPING * flow);
  }
  return rank;
}
