import process from "node:process";
const root = process.argv[2]; const names = process.argv[3].split(","); const mode = process.argv[4]; const n = Number(process.argv[5] ?? 5);
const { Candidates, CandidateSearch } = await import(root + "/src/te/candidates.ts");
const { ShortestPaths, wholeView } = await import(root + "/src/te/shortest_path.ts");
const { buildTopology } = await import(root + "/src/te/topology.ts");
const { backbone, fullMesh, hubAndSpoke, regions } = await import(root + "/test/bench/te/networks.ts");
const NETS: any = { hub2: () => hubAndSpoke(1000, 2), hub4: () => hubAndSpoke(1000, 4), regions: () => regions(1000, 25), mesh: () => fullMesh(1000), backbone: () => backbone(200, 3), hub50: () => hubAndSpoke(200,20), bb60: () => backbone(60,5) };
const calib = () => { const t = performance.now(); let x = 1; for (let i = 0; i < 30_000_000; i++) x = Math.imul(x, 1664525) + 1013904223 | 0; return performance.now() - t + (x === 42 ? 1 : 0); };
calib();
for (const name of names) {
  const topology = buildTopology(NETS[name]());
  const all = (visit: any) => {
    const search = new CandidateSearch(new ShortestPaths(wholeView(topology)));
    for (let from = 0; from < topology.sites.length; from++) {
      const c = new Candidates(search, from);
      for (let to = 0; to < topology.sites.length; to++) if (to !== from) c.visit(to, visit);
    }
  };
  if (mode === "digest") {
    let h = 0x811c9dc5;
    all((hops: any, start: number, length: number, cost: number) => { if (cost === undefined) { cost = length; length = start; start = 0; }
      for (let i = 0; i < length; i++) h = Math.imul(h ^ hops[start + i], 16777619);
      h = Math.imul(h ^ (cost * 16), 16777619); h = Math.imul(h ^ length, 16777619);
    });
    console.log(name, (h >>> 0).toString(16));
  } else {
    let best = 1e9, cpu = 1e9, c = 1e9;
    for (let i = 0; i < n; i++) { let ways = 0; c = Math.min(c, calib()); const b = process.cpuUsage(); const t = performance.now(); all(() => void ways++); best = Math.min(best, performance.now() - t); const s = process.cpuUsage(b); cpu = Math.min(cpu, (s.user + s.system) / 1000); }
    console.log(name, "wall", best | 0, "cpu", cpu | 0, "calib", c.toFixed(1));
  }
}
