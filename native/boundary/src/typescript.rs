//! Renders `src/model/boundary.ts` from the types of this crate; the test fails when it is stale.
//! `UPDATE=1 cargo test -p labelway-boundary` (that is `deno task boundary`) rewrites it.

use std::path::Path;

use ts_rs::{Config, TS};

use super::*;

const HEADER: &str = "\
// Generated from native/boundary by `deno task boundary`. Do not edit: change the Rust types.
//
// What crosses between the two halves as JSON. 64-bit counters are numbers: exact up to 2^53.
";

#[test]
fn boundary_ts_is_fresh() {
    let wanted = render();
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../src/model/boundary.ts");
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&file, wanted).expect("src/model/boundary.ts can be written");
        return;
    }
    let found = std::fs::read_to_string(&file).unwrap_or_default();
    assert!(
        found == wanted,
        "src/model/boundary.ts differs from native/boundary: run `deno task boundary`"
    );
}

fn render() -> String {
    let mut text = String::from(HEADER);
    declare::<Table>(&mut text);
    declare::<Site>(&mut text);
    declare::<TtlModel>(&mut text);
    declare::<ProbeTimers>(&mut text);
    declare::<BfdTimers>(&mut text);
    declare::<Uplink>(&mut text);
    declare::<Backend>(&mut text);
    declare::<Adjacency>(&mut text);
    declare::<Segment>(&mut text);
    declare::<Route>(&mut text);
    declare::<Steering>(&mut text);
    declare::<Rule>(&mut text);
    declare::<Match>(&mut text);
    declare::<Verdict>(&mut text);
    declare::<super::Path>(&mut text);
    declare::<SegmentList>(&mut text);
    declare::<UplinkEnd>(&mut text);
    declare::<LabelEntry>(&mut text);
    declare::<LabelAction>(&mut text);
    declare::<Hop>(&mut text);
    declare::<EngineConfig>(&mut text);
    declare::<ThreadCounts>(&mut text);
    declare::<Snapshot>(&mut text);
    declare::<Liveness>(&mut text);
    declare::<Quality>(&mut text);
    declare::<AdjacencyState>(&mut text);
    declare::<BfdState>(&mut text);
    declare::<BfdSessionState>(&mut text);
    declare::<ListState>(&mut text);
    declare::<SegmentState>(&mut text);
    declare::<Direction>(&mut text);
    declare::<ThreadState>(&mut text);
    declare::<LabelState>(&mut text);
    declare::<Looks>(&mut text);
    declare::<Look>(&mut text);
    declare::<Carried>(&mut text);
    declare::<Window>(&mut text);
    declare::<RoundTrip>(&mut text);
    declare::<Measured>(&mut text);
    declare::<ClassMeasured>(&mut text);
    declare::<Probing>(&mut text);
    declare::<ProbedPath>(&mut text);
    declare::<ProbeRank>(&mut text);
    declare::<ProbeAuthentication>(&mut text);
    declare::<ReportedAdjacency>(&mut text);
    text
}

fn declare<T: TS>(text: &mut String) {
    // JSON has one kind of number, so nothing here is a bigint.
    let config = Config::default().with_large_int("number");
    text.push('\n');
    if let Some(docs) = T::docs() {
        text.push_str(docs.trim_end());
        text.push('\n');
    }
    let declaration = T::decl(&config);
    text.push_str("export ");
    text.push_str(declaration.trim_end());
    text.push('\n');
}
