/** Older versions lack what the runtime is written with, and would fail somewhere in the middle with less to say. */
const NEEDED = 24;

const { node } = process.versions;
if (Number(node.split(".")[0]) < NEEDED) {
  process.stderr.write(
    `tutti needs Node ${NEEDED} or later, and this is Node ${node}: see https://nodejs.org/en/download\n`,
  );
  process.exit(1);
}
