import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Paths of PEM files. */
export interface Certificates {
  readonly ca: string;
  /** Signed by the authority, for 127.0.0.1: as good for a server as for a client. */
  readonly cert: string;
  readonly key: string;
  /** By an authority that nobody knows. */
  readonly stranger: { readonly cert: string; readonly key: string };
  remove(): void;
}

/** Made by `openssl`, of whatever version is on the PATH; good for a day. */
export function makeCertificates(): Certificates {
  const folder = mkdtempSync(join(tmpdir(), "tutti-tls-"));
  const at = (name: string) => join(folder, name);
  const openssl = (...args: string[]) => void execFileSync("openssl", args, { cwd: folder, stdio: "pipe" });
  const key = ["-newkey", "rsa:2048", "-nodes"];
  for (const name of ["ca", "stranger"])
    openssl(
      "req",
      "-x509",
      ...key,
      "-days",
      "1",
      "-subj",
      `/CN=${name}`,
      "-keyout",
      `${name}.key`,
      "-out",
      `${name}.pem`,
    );
  writeFileSync(
    at("extensions"),
    "subjectAltName=IP:127.0.0.1,DNS:localhost\nextendedKeyUsage=serverAuth,clientAuth\n",
  );
  openssl("req", ...key, "-subj", "/CN=tutti", "-keyout", "own.key", "-out", "own.csr");
  const signed = ["-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-extfile", "extensions"];
  openssl("x509", "-req", "-in", "own.csr", "-days", "1", ...signed, "-out", "own.pem");
  return {
    ca: at("ca.pem"),
    cert: at("own.pem"),
    key: at("own.key"),
    stranger: { cert: at("stranger.pem"), key: at("stranger.key") },
    remove: () => rmSync(folder, { recursive: true }),
  };
}
