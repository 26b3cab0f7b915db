import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { parseNetwork } from "../../../src/config/mod.ts";
import { check } from "../../../src/cli/check.ts";
import { parseWords } from "../../../src/cli/arguments.ts";
import type { Command, Io } from "../../../src/cli/command.ts";
import { keygen } from "../../../src/cli/keygen.ts";
import { pubkey } from "../../../src/cli/pubkey.ts";
import { generatePair, identify, pairOf } from "../../../src/io/keys.ts";
import { replaceFile } from "../../../src/io/files.ts";

/** Comments, quoting, blank lines and both styles of map: all of it must stay. */
const FILE = `# Our network.
network: 'acme'   # quoted

sites:
    lisbon:
        sid:   1
        uplinks:
            fibre:   # the main line

                number: 0
                color: internet
                device: "eth0"
                port: 51820
                endpoint: 198.51.100.1   # fixed

            lte: { number: 1,   color: lte, device: wwan0, port: 51821 } # backup
            sat: {number: 2, color: sat, device: sat0, port: 51822, public_key: ,}
        lans: { office: [ 10.1.0.0/24 ] }
    porto: { sid: 2, uplinks: { fibre: { number: 0, color: internet, device: eth0, port: 51820, public_key: 'd5TKjtiimtjAnZCJJYu1LOXur9CwCo1m+oINS4WkNV0=' } } }
segments:
    office: { number: 1 }
# The end.`;

let folder: string;
let file: string;
beforeEach(() => {
  folder = Deno.makeTempDirSync({ prefix: "labelway-keygen-" });
  file = `${folder}/n.yaml`;
  Deno.writeTextFileSync(file, FILE);
});
afterEach(() => Deno.removeSync(folder, { recursive: true }));

async function run(command: Command, words: string[], input = "") {
  const out: string[] = [];
  const io: Io = {
    out: (line) => out.push(line),
    err: (line) => out.push(line),
    write: (text) => out.push(text),
    isTerminal: false,
    columns: () => Infinity,
    color: false,
    stdin: () => Promise.resolve(input),
    environment: () => undefined,
    interrupted: () => new AbortController().signal,
  };
  const code = await command.run(parseWords(command, words), io);
  return { code, text: out.join("\n") };
}

async function wg(command: string, input = ""): Promise<string> {
  const child = new Deno.Command("wg", { args: [command], stdin: "piped", stdout: "piped" })
    .spawn();
  const writer = child.stdin.getWriter();
  await writer.write(new TextEncoder().encode(input));
  await writer.close();
  return new TextDecoder().decode((await child.output()).stdout).trim();
}

const read = (path: string) => Deno.readTextFileSync(path);
const keyPath = (uplink: string) => `${folder}/keys/lisbon.${uplink}.key`;

describe("keys agree with wg", () => {
  test("public halves of ours and of wg's private keys", async () => {
    const ours = await generatePair();
    expect(ours.publicKey).toBe(await wg("pubkey", ours.privateKey));
    const theirs = await wg("genkey");
    expect((await pairOf(theirs))!.publicKey).toBe(await wg("pubkey", theirs));
    expect((await run(pubkey, [], `${theirs}\n`)).text).toBe(await wg("pubkey", theirs));
  });
  test("no key at all", async () => {
    expect(await pairOf("hello")).toBeUndefined();
    await expect(run(pubkey, [], "hello")).rejects.toThrow("44 base64 digits");
  });
});

describe("keygen", () => {
  test("adds the public keys and changes nothing else", async () => {
    Deno.chmodSync(file, 0o640);
    const { code, text } = await run(keygen, ["lisbon", file]);
    expect(code).toBe(0);
    const keys = await Promise.all(
      ["fibre", "lte", "sat"].map(async (each) => (await pairOf(read(keyPath(each))))!),
    );
    expect(read(file)).toBe(
      FILE.replace("# fixed\n", `# fixed\n                public_key: ${keys[0]!.publicKey}\n`)
        .replace("51821 }", `51821, public_key: ${keys[1]!.publicKey} }`)
        .replace("public_key: ,}", `public_key: ${keys[2]!.publicKey} ,}`),
    );
    for (const { publicKey, privateKey } of keys) {
      expect(text).toContain(publicKey);
      expect(text).not.toContain(privateKey);
    }
    expect(Deno.statSync(file).mode! & 0o7777).toBe(0o640);
    expect(Deno.statSync(keyPath("lte")).mode! & 0o7777).toBe(0o600);
    expect(Deno.statSync(`${folder}/keys`).mode! & 0o7777).toBe(0o700);
    expect([...Deno.readDirSync(folder)].map((entry) => entry.name).sort()).toEqual([
      "keys",
      "n.yaml",
    ]);
    expect((await run(check, [file])).code).toBe(0);
  });

  test("again: keeps the keys, mends the file, leaves a right file alone", async () => {
    await run(keygen, ["lisbon", file]);
    const [first, key] = [read(file), read(keyPath("fibre"))];
    const inode = Deno.statSync(file).ino;
    expect((await run(keygen, ["lisbon", file])).text).not.toContain("written");
    expect(Deno.statSync(file).ino).toBe(inode);
    Deno.writeTextFileSync(file, first.replace(/(public_key: )[^ ]{4}/, "$1wrong!"));
    await run(keygen, ["lisbon", file]);
    expect(read(file)).toBe(first);
    expect(read(keyPath("fibre"))).toBe(key);
  });

  test("--force makes new ones and keeps the old", async () => {
    await run(keygen, ["lisbon", file]);
    const key = read(keyPath("fibre"));
    expect((await run(keygen, ["lisbon", file, "--force"])).text).toContain("replaced");
    expect(read(keyPath("fibre"))).not.toBe(key);
    expect(read(`${keyPath("fibre")}.old`)).toBe(key);
    await run(keygen, ["lisbon", file, "--force"]);
    expect(read(`${keyPath("fibre")}.old`)).toBe(key);
  });

  test("a public key whose private half is elsewhere is not replaced", async () => {
    await expect(run(keygen, ["porto", file])).rejects.toThrow("its private half is not in");
    expect(read(file)).toBe(FILE);
    expect((await run(keygen, ["porto", file, "--force"])).code).toBe(0);
    expect(read(file)).toMatch(/public_key: '[^']{44}' } } }/);
  });

  test("an unknown site, a wrong file, no file", async () => {
    await expect(run(keygen, ["lisbn", file])).rejects.toThrow('Did you mean "lisbon"?');
    await expect(run(keygen, ["lisbon", `${folder}/x`])).rejects.toThrow("no such file");
    Deno.writeTextFileSync(file, FILE.replace("sid:   1", "sid: x"));
    await expect(run(keygen, ["lisbon", file])).rejects.toThrow(`${file}:6:14: "x"`);
  });

  test("line ends and byte order mark of another system stay", async () => {
    Deno.writeTextFileSync(file, `\ufeff${FILE.replaceAll("\n", "\r\n")}`);
    await run(keygen, ["lisbon", file]);
    const bytes = Deno.readFileSync(file);
    expect([...bytes.subarray(0, 3)]).toEqual([0xef, 0xbb, 0xbf]);
    const text = new TextDecoder().decode(bytes);
    expect(text.split("\n").length).toBe(FILE.split("\n").length + 1);
    expect(text.replaceAll("\r\n", "")).not.toContain("\n");
    expect((await run(check, [file])).code).toBe(0);
  });

  test("an uplink that is an alias has no place for a key of its own", async () => {
    const aliased = `network: a
sites:
  x: { sid: 1, uplinks: { a: &a { number: 0, color: i, device: e, port: 5 } } }
  y: { sid: 2, uplinks: { b: *a } }
`;
    Deno.writeTextFileSync(file, aliased);
    await expect(run(keygen, ["y", file])).rejects.toThrow("write it there by hand");
    expect(read(file)).toBe(aliased);
  });

  test("a file behind a symbolic link stays behind it", async () => {
    Deno.symlinkSync(file, `${folder}/link.yaml`);
    await replaceFile(`${folder}/link.yaml`, "new");
    expect(Deno.lstatSync(`${folder}/link.yaml`).isSymlink).toBe(true);
    expect(read(file)).toBe("new");
  });
});

describe("which site this is", () => {
  const network = () => parseNetwork(read(file), file).network!;
  const keys = () => `${folder}/keys`;

  test("by its private keys", async () => {
    await run(keygen, ["lisbon", file]);
    const { site, keys: pairs } = await identify(network(), keys());
    expect(site.name).toBe("lisbon");
    expect([...pairs.keys()]).toEqual(["fibre", "lte", "sat"]);
    expect(pairs.get("lte")!.publicKey).toBe(site.uplinks[1]!.publicKey);
  });

  test("errors say what is wrong and what to do", async () => {
    await run(keygen, ["lisbon", file]);
    await expect(identify(network(), `${folder}/none`)).rejects.toThrow(
      /no private key .* in .*none; looked for keys of lisbon, porto/,
    );
    await expect(identify(network(), keys(), "prto")).rejects.toThrow('Did you mean "porto"?');
    await expect(identify(network(), keys(), "porto")).rejects.toThrow("uplink porto.fibre");
    Deno.renameSync(keyPath("lte"), `${folder}/lte.key`);
    await expect(identify(network(), keys())).rejects.toThrow("for uplink lisbon.lte");
  });

  test("keys of two sites need --site", async () => {
    await run(keygen, ["lisbon", file]);
    await run(keygen, ["porto", file, "--force"]);
    await expect(identify(network(), keys())).rejects.toThrow(/\(lisbon, porto\).*--site/);
    expect((await identify(network(), keys(), "porto")).site.name).toBe("porto");
  });

  test("a key that others may read is refused, with the command that closes it", async () => {
    await run(keygen, ["lisbon", file]);
    Deno.chmodSync(keyPath("lte"), 0o640);
    await expect(identify(network(), keys())).rejects.toThrow(
      `mode 0640, others may use it; run: chmod 600 ${keyPath("lte")}`,
    );
    Deno.chmodSync(keyPath("lte"), 0o600);
    if (Deno.uid() === 0) {
      Deno.chownSync(keyPath("lte"), 65534, null);
      await expect(identify(network(), keys())).rejects.toThrow("belongs to user 65534");
    }
  });

  test("what is no key, and a folder in place of one", async () => {
    await run(keygen, ["lisbon", file]);
    Deno.writeTextFileSync(keyPath("lte"), "hello");
    await expect(identify(network(), keys())).rejects.toThrow("holds no private key");
  });
});
