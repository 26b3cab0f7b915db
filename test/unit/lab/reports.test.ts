import { describe, expect, test } from "vitest";
import { parseFields } from "../../../src/lab/capture.ts";
import { identify, isAlive } from "../../../src/lab/process.ts";
import { parseIperf, parsePing } from "../../../src/lab/traffic.ts";

describe("what ping says", () => {
  const text = `PING 10.2.0.10 (10.2.0.10) 56(84) bytes of data.
[1700000000.000000] 64 bytes from 10.2.0.10: icmp_seq=1 ttl=62 time=14.2 ms
[1700000000.010000] 64 bytes from 10.2.0.10: icmp_seq=2 ttl=62 time=14.0 ms
[1700000000.430000] 64 bytes from 10.2.0.10: icmp_seq=44 ttl=62 time=80.1 ms

--- 10.2.0.10 ping statistics ---
44 packets transmitted, 3 received, 93.1818% packet loss, time 430ms
`;

  test("the longest gap is the time without replies", () => {
    const result = parsePing(text, 10);
    expect(result).toMatchObject({ sent: 44, received: 3, rttMillis: { median: 14.2, max: 80.1 } });
    expect(result.longestGapMillis).toBeCloseTo(410, 1);
    expect(result.lossPercent).toBeCloseTo(93.18, 2);
  });

  test("no reply at all is all lost", () => {
    expect(parsePing("3 packets transmitted, 0 received, 100% packet loss", 10))
      .toMatchObject({ lossPercent: 100, rttMillis: null });
    expect(parsePing("", 10).lossPercent).toBe(100);
  });
});

describe("what iperf3 says", () => {
  test("TCP: what arrived, and what was sent again", () => {
    const end = {
      sum_sent: { bits_per_second: 110e6, retransmits: 3 },
      sum_received: { bits_per_second: 100e6 },
    };
    const intervals = [{ sum: { bytes: 5e6, omitted: true } }, { sum: { bytes: 7e6 } }];
    expect(parseIperf(JSON.stringify({ intervals, end }))).toEqual({
      receivedMbit: 100,
      sentBytes: 12e6,
      retransmits: 3,
      lossPercent: null,
      jitterMillis: null,
    });
  });

  test("UDP: what was lost does not count as received", () => {
    const sum = { bits_per_second: 50e6, lost_percent: 10, jitter_ms: 0.4 };
    expect(parseIperf(JSON.stringify({ end: { sum, sum_received: {} } })))
      .toMatchObject({ receivedMbit: 45, lossPercent: 10, jitterMillis: 0.4 });
  });

  test("its error comes through", () => {
    expect(parseIperf('{"error":"unable to connect"}')).toBe("unable to connect");
    expect(parseIperf("")).toMatch(/nothing/);
    expect(parseIperf('{"end":{}}')).toMatch(/before/);
  });
});

describe("what tshark says of a labelled packet", () => {
  test("a stack of two over IPv4", () => {
    const columns = [
      "1700000000.5",
      "100.96.0.8,10.1.0.10",
      "100.96.0.24,10.2.0.10",
      "50000,40000",
      "16002,28001",
      "0,5",
      "0,1",
      "255,255",
      "",
      "",
      "17,6",
      "",
    ];
    expect(parseFields(columns.join("\t"))).toEqual({
      time: 1700000000.5,
      source: "100.96.0.8",
      destination: "100.96.0.24",
      sourcePort: 50000,
      stack: [
        { label: 16002, trafficClass: 0, bottom: false, ttl: 255 },
        { label: 28001, trafficClass: 5, bottom: true, ttl: 255 },
      ],
      inner: { source: "10.1.0.10", destination: "10.2.0.10", protocol: "6" },
    });
  });

  test("IPv6 inside", () => {
    const line =
      "1\t100.96.0.8\t100.96.0.16\t50000\t28001\t0\tTrue\t254\t2001:db8::a\t2001:db8::b\t17\t17";
    expect(parseFields(line).inner)
      .toEqual({ source: "2001:db8::a", destination: "2001:db8::b", protocol: "17" });
    expect(parseFields(line).stack[0]?.bottom).toBe(true);
  });
});

describe("a process", () => {
  test("is known by its start time as well as its number", () => {
    const self = identify(Deno.pid);
    expect(self).not.toBeNull();
    expect(self !== null && isAlive(self)).toBe(true);
    expect(isAlive({ pid: Deno.pid, startTime: "1" })).toBe(false);
    expect(identify(2 ** 30)).toBeNull();
  });
});
