use super::*;
use Liveness::{Down, Unknown, Up};

const MS: Duration = Duration::from_millis(1);

/// Own uplinks 0 and 1. Hub (site 9) has uplinks 0 and 1, far (site 8) has 0: by each of ours.
const ADJACENCIES: [Link; 4] = [(0, 9, 0), (1, 9, 1), (0, 8, 0), (1, 8, 0)];

/// Own uplink, site, its uplink.
type Link = (u32, u32, u32);

fn places(lists: &[&[(u32, u32)]]) -> Places {
    places_of(&ADJACENCIES, lists)
}

fn places_of(adjacencies: &[Link], lists: &[&[(u32, u32)]]) -> Places {
    let adjacencies: Vec<_> = adjacencies.iter().map(adjacency).collect();
    let list = |(index, ends): (usize, &&[(u32, u32)])| list(&format!("{index}"), ends);
    let lists: Vec<_> = lists.iter().enumerate().map(list).collect();
    Places::of(&adjacencies, &lists)
}

fn adjacency(&(uplink, site, remote): &Link) -> Adjacency {
    Adjacency {
        key: format!("{uplink}>{site}.{remote}"),
        uplink,
        remote_key: String::new(),
        remote_address: [100, 96, 0, 1].into(),
        remote_site: site,
        remote_uplink: remote,
        mtu: 1400,
    }
}

fn list(key: &str, ends: &[(u32, u32)]) -> SegmentList {
    SegmentList {
        key: key.to_owned(),
        weight: 1,
        adjacency: 0,
        labels: vec![16],
        return_labels: vec![],
        probe_address: [10, 255, 0, 1].into(),
        mtu: 1300,
        ends: ends
            .iter()
            .map(|&(site, uplink)| UplinkEnd { site, uplink })
            .collect(),
    }
}

/// Which lists pass something dead.
fn blamed(places: &Places, states: &[Liveness]) -> Vec<bool> {
    let dead = places.dead(|index| states[index]);
    let is_blamed = |list: usize| places.bits(list, &dead) != 0;
    (0..places.lists.len()).map(is_blamed).collect()
}

#[test]
fn who_answers_over_none_of_our_adjacencies_seems_dead() {
    let places = places(&[&[(9, 0), (9, 0), (7, 0)], &[(9, 1)], &[(8, 0)], &[(7, 0)]]);
    let none = [false; 4];
    assert_eq!(blamed(&places, &[Up; 4]), none);
    assert_eq!(
        blamed(&places, &[Down, Up, Up, Up]),
        [true, false, false, false],
        "one uplink of the hub's"
    );
    assert_eq!(
        blamed(&places, &[Down, Down, Up, Up]),
        [true, true, false, false],
        "the hub"
    );
    assert_eq!(blamed(&places, &[Up, Up, Down, Up]), none, "over the other");
    assert_eq!(
        blamed(&places, &[Up, Up, Down, Down]),
        [false, false, true, false]
    );
}

#[test]
fn an_uplink_of_ours_that_failed_is_no_evidence() {
    let places = places(&[&[(9, 0)], &[(9, 1)], &[(8, 0)]]);
    assert_eq!(blamed(&places, &[Down, Up, Down, Up]), [false; 3]);
    assert_eq!(blamed(&places, &[Down; 4]), [false; 3]);
    assert_eq!(
        blamed(&places, &[Down, Up, Down, Down]),
        [false, false, true],
        "but the other is"
    );
}

#[test]
fn what_was_never_heard_of_is_not_dead() {
    let places = places(&[&[(9, 0)], &[(8, 0)]]);
    assert_eq!(blamed(&places, &[Unknown, Up, Up, Up]), [false; 2]);
}

#[test]
fn a_site_is_dead_where_all_uplinks_that_we_reach_are() {
    let places = places_of(&[(0, 9, 0), (0, 8, 0)], &[&[(9, 5)], &[(9, 0)]]);
    assert_eq!(blamed(&places, &[Down, Up]), [true, true]);
}

fn suspect(dead: u64) -> Case {
    let mut case = Case::default();
    case.review(dead, MS);
    case
}

#[test]
fn a_suspect_is_probed_at_once_and_no_more_than_it_takes() {
    let mut case = suspect(1);
    assert!(!case.is_due(Duration::ZERO), "not its turn yet");
    let due: Vec<bool> = (1..6).map(|tick| case.is_due(MS * 10 * tick)).collect();
    assert_eq!(due, [true, true, true, false, false]);
    assert!(!Case::default().is_due(MS), "nothing is held against it");
}

#[test]
fn an_answer_to_a_probe_sent_since_acquits() {
    let mut case = suspect(1);
    case.handle_answer(u32::MAX);
    assert!(case.suspect, "sent before");
    case.handle_sent(u32::MAX);
    case.handle_sent(0);
    case.handle_answer(u32::MAX - 1);
    assert!(case.suspect, "sent before");
    case.handle_answer(0);
    assert!(!case.suspect);
    case.review(1, MS);
    assert!(!case.suspect, "nothing new");
    case.review(3, MS);
    assert!(case.suspect && case.is_due(MS), "something else failed");
    case.handle_answer(0);
    assert!(case.suspect, "that was about the former");
}

#[test]
fn it_ends_with_its_reason() {
    let mut case = suspect(2);
    case.handle_sent(7);
    case.review(0, MS);
    assert!(!case.suspect && !case.is_due(MS));
    case.review(2, MS);
    assert!(case.suspect, "it failed again");
    case.handle_answer(7);
    assert!(case.suspect, "and what was sent before tells nothing");
}

/// One table after the other: what outlives them does so by key, as in the engine.
struct Tables {
    table: Table,
    live: Live,
    places: Places,
    suspicions: HashMap<String, Suspicion>,
}

impl Tables {
    fn new(adjacencies: &[Link], lists: &[(&str, &[(u32, u32)])]) -> Self {
        let table = table(adjacencies, lists);
        Tables {
            live: Live::next(None, &table),
            places: Places::new(&table),
            suspicions: HashMap::new(),
            table,
        }
    }

    fn swap(&mut self, adjacencies: &[Link], lists: &[(&str, &[(u32, u32)])]) {
        self.table = table(adjacencies, lists);
        self.live = Live::next(Some(&self.live), &self.table);
        self.places = Places::new(&self.table);
    }

    /// All adjacencies are up but these, and what follows from it is looked at.
    fn review(&mut self, down: &[&str]) {
        for (index, adjacency) in self.table.adjacencies.iter().enumerate() {
            let is_down = down.contains(&adjacency.key.as_str());
            let state = if is_down { Down } else { Up };
            self.live.set_adjacency(index, state);
        }
        for list in &self.table.lists {
            self.suspicions.entry(list.key.clone()).or_default();
        }
        let suspicions = self.table.lists.iter();
        let suspicions = suspicions.map(|list| &self.suspicions[&list.key]);
        self.places.review(&self.live, suspicions, MS);
    }

    /// Keys of the lists that the switch takes for suspect.
    fn suspects(&self) -> Vec<&str> {
        let lists = self.table.lists.iter().enumerate();
        let lists = lists.filter(|(index, _)| self.live.is_suspect(*index));
        let mut keys: Vec<_> = lists.map(|(_, list)| list.key.as_str()).collect();
        keys.sort_unstable();
        keys
    }

    /// An answer to a probe that went since.
    fn acquit(&self, key: &str) {
        let index = self.table.lists.iter().position(|list| list.key == key);
        self.suspicions[key].change(&self.live, index.unwrap(), |case| {
            case.handle_sent(7);
            case.handle_answer(7);
        });
    }
}

fn table(adjacencies: &[Link], lists: &[(&str, &[(u32, u32)])]) -> Table {
    let uplink = |key: &str| labelway_boundary::Uplink {
        key: key.to_owned(),
        interface: String::new(),
        backend: labelway_boundary::Backend::Embedded,
        device: String::new(),
        tunnel_address: [100, 96, 0, 2].into(),
    };
    Table {
        generation: "0000000000000001".into(),
        site: labelway_boundary::Site {
            name: "own".into(),
            sid: 1,
            loopback4: None,
            loopback6: None,
        },
        ttl: labelway_boundary::TtlModel::Pipe,
        probe: labelway_boundary::ProbeTimers {
            interval_millis: 100,
            down_after: 5,
            up_after: 10,
        },
        bfd: labelway_boundary::BfdTimers::default(),
        uplinks: vec![uplink("0"), uplink("1")],
        adjacencies: adjacencies.iter().map(adjacency).collect(),
        segments: vec![],
        labels: vec![],
        paths: vec![],
        lists: lists.iter().map(|(key, ends)| list(key, ends)).collect(),
    }
}

#[test]
fn a_suspicion_stays_with_its_list_whatever_the_next_table_has_first() {
    const BY_HUB: (&str, &[(u32, u32)]) = ("by hub", &[(7, 0), (9, 0)]);
    const BY_FAR: (&str, &[(u32, u32)]) = ("by far", &[(8, 0)]);
    const BY_BOTH: (&str, &[(u32, u32)]) = ("by both", &[(7, 0), (8, 0), (9, 0)]);
    const HUB_0: &str = "0>9.0";
    // Which keeps our uplink 0 alive.
    const OTHER: Link = (0, 6, 0);
    let first = [&ADJACENCIES[..], &[OTHER]].concat();
    let mut tables = Tables::new(&first, &[BY_HUB, BY_FAR, BY_BOTH]);
    tables.review(&[]);
    assert_eq!(tables.suspects(), [""; 0]);
    tables.review(&[HUB_0]);
    assert_eq!(tables.suspects(), ["by both", "by hub"]);
    tables.acquit("by both");
    assert_eq!(tables.suspects(), ["by hub"]);

    // Everything in another order, and a site ahead of the hub that is known only now.
    let mut second = vec![(1, 7, 0)];
    second.extend(first.iter().rev());
    tables.swap(&second, &[BY_FAR, BY_BOTH, BY_HUB]);
    assert_eq!(tables.suspects(), ["by hub"], "before anybody looks");
    tables.review(&[HUB_0]);
    assert_eq!(tables.suspects(), ["by hub"], "nothing new to either");

    // What fails now is new to whom it concerns.
    tables.review(&[HUB_0, "1>7.0"]);
    assert_eq!(tables.suspects(), ["by both", "by hub"]);
    tables.acquit("by both");
    tables.acquit("by hub");
    tables.review(&[HUB_0, "1>7.0", "0>8.0", "1>8.0"]);
    assert_eq!(tables.suspects(), ["by both", "by far"]);

    // Places that no adjacency leads to any more hold nothing against anybody, the others do.
    tables.swap(&[OTHER, (0, 9, 0), (1, 9, 1)], &[BY_BOTH, BY_HUB, BY_FAR]);
    tables.review(&[HUB_0]);
    assert_eq!(tables.suspects(), ["by both"], "it has not answered since");
    tables.review(&[]);
    assert_eq!(tables.suspects(), [""; 0]);
}
