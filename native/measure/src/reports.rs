//! What other sites measure on their adjacencies, page by page, and whose turn it is to be asked.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use labelway_wire::stamp::{Report, ReportEntry};

/// Pages that are taken from one site: at [`ENTRIES`] a page more adjacencies than 1,000 sites with
/// two uplinks have.
pub const MAX_PAGES: u16 = 64;
/// Entries that are asked for at a time: with all headers within 1,280 bytes, the least MTU of IPv6.
pub const ENTRIES: usize = 34;
/// From the answer to one question until the same site is asked again.
const AGAIN: Duration = Duration::from_secs(10);
/// The same while there are pages that were never told, or after a question without an answer.
const SOON: Duration = Duration::from_secs(1);

/// What is not taken is bounded: the oldest goes first.
const MAX_NEWS: usize = 16_384;

#[derive(Debug, Default)]
struct Site {
    /// By page, whether it was told since the number of pages changed.
    told: Vec<bool>,
    /// The page to be asked for next.
    next: u16,
    /// The page that was asked for last, until it is answered.
    asked: Option<u16>,
    not_before: Duration,
}

/// One adjacency that a site told of.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Told {
    pub site: u16,
    pub entry: ReportEntry,
}

/// Sites that are asked, and what they told that nobody took yet.
#[derive(Debug, Default)]
pub struct Reports {
    sites: HashMap<u16, Site>,
    news: VecDeque<Told>,
}

impl Reports {
    /// The page to ask this site for with a probe that goes out now; none: it is not its turn.
    pub fn ask(&mut self, site: u16, now: Duration) -> Option<u16> {
        let known = self.sites.entry(site).or_default();
        if now < known.not_before {
            return None;
        }
        known.not_before = now + SOON;
        known.asked = Some(known.next);
        known.asked
    }

    /// An answer from this site. One that was not asked for, or copies of one, say nothing.
    pub fn handle_report(&mut self, site: u16, report: Report<'_>, now: Duration) {
        let Some(known) = self.sites.get_mut(&site) else {
            return;
        };
        if known.asked != Some(report.page) {
            return;
        }
        known.asked = None;
        if report.pages == 0 {
            // It has no time now: many ask, so not too soon.
            known.not_before = now + AGAIN;
            return;
        }
        let pages = report.pages.min(MAX_PAGES);
        if report.page >= pages {
            // There is no such page any more.
            known.next = 0;
            return;
        }
        if known.told.len() != usize::from(pages) {
            known.told = vec![false; pages.into()];
        }
        known.told[usize::from(report.page)] = true;
        known.next = (report.page + 1) % pages;
        let complete = known.told.iter().all(|told| *told);
        known.not_before = now + if complete { AGAIN } else { SOON };
        for entry in report.entries().take(ENTRIES) {
            if self.news.len() == MAX_NEWS {
                self.news.pop_front();
            }
            self.news.push_back(Told { site, entry });
        }
    }

    /// Forgets the sites that are not asked any more.
    pub fn keep(&mut self, is_asked: impl Fn(u16) -> bool) {
        self.sites.retain(|site, _| is_asked(*site));
    }

    /// In the order in which it was told; each once.
    pub fn take(&mut self) -> impl Iterator<Item = Told> {
        std::mem::take(&mut self.news).into_iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use labelway_wire::stamp::{encode_report, report_len};
    use std::net::Ipv4Addr;

    const SECOND: Duration = Duration::from_secs(1);

    fn entry(remote: u8, micros: u32) -> ReportEntry {
        ReportEntry {
            local: Ipv4Addr::new(100, 96, 0, 8),
            remote: Ipv4Addr::new(100, 96, 0, remote),
            is_up: true,
            round_trip_micros: Some(micros),
            jitter_micros: None,
            lost_forward: Some(0.0),
            lost_return: None,
            mtu: None,
        }
    }

    fn tell(reports: &mut Reports, page: u16, pages: u16, entries: &[ReportEntry], now: Duration) {
        let mut bytes = vec![0; report_len(ENTRIES)];
        encode_report(page, pages, ENTRIES, entries, &mut bytes).unwrap();
        reports.handle_report(7, Report::decode(&bytes[4..]).unwrap(), now);
    }

    fn news(reports: &mut Reports) -> Vec<(u8, u32)> {
        reports
            .take()
            .map(|Told { site, entry }| {
                assert_eq!(site, 7);
                let remote = entry.remote.octets()[3];
                (remote, entry.round_trip_micros.unwrap())
            })
            .collect()
    }

    #[test]
    fn pages_are_asked_for_in_turn_and_then_anew() {
        let mut reports = Reports::default();
        assert_eq!(reports.ask(7, SECOND), Some(0));
        assert_eq!(reports.ask(7, SECOND), None, "one question at a time");
        tell(&mut reports, 0, 2, &[entry(1, 10)], SECOND);
        assert_eq!(reports.ask(7, SECOND * 2), Some(1), "the rest soon");
        assert_eq!(reports.ask(7, SECOND * 3), Some(1), "the answer was lost");
        tell(&mut reports, 1, 2, &[entry(2, 20)], SECOND * 3);
        assert_eq!(news(&mut reports), [(1, 10), (2, 20)]);
        assert_eq!(news(&mut reports), [], "once");
        assert_eq!(reports.ask(7, SECOND * 12), None, "all of it is fresh");
        assert_eq!(reports.ask(7, SECOND * 13), Some(0));
        tell(&mut reports, 0, 1, &[entry(1, 11)], SECOND * 13);
        assert_eq!(news(&mut reports), [(1, 11)]);
        assert_eq!(
            reports.ask(7, SECOND * 23),
            Some(0),
            "the second page is gone"
        );
    }

    #[test]
    fn what_was_not_asked_for_or_is_beyond_bounds_is_passed_over() {
        let mut reports = Reports::default();
        tell(&mut reports, 0, 1, &[entry(1, 10)], SECOND);
        assert_eq!(news(&mut reports), [], "nobody asked");
        reports.ask(7, SECOND);
        tell(&mut reports, 5, 5, &[entry(1, 10)], SECOND);
        tell(&mut reports, MAX_PAGES, u16::MAX, &[entry(1, 10)], SECOND);
        assert_eq!(news(&mut reports), [], "another page");
        tell(&mut reports, 0, u16::MAX, &[entry(1, 10)], SECOND);
        assert_eq!(reports.sites[&7].told.len(), usize::from(MAX_PAGES));
        tell(&mut reports, 0, u16::MAX, &[entry(1, 10)], SECOND);
        assert_eq!(news(&mut reports).len(), 1, "its copy says nothing");
        reports.keep(|site| site != 7);
        tell(&mut reports, 0, 1, &[entry(1, 10)], SECOND);
        assert_eq!(news(&mut reports), [], "forgotten");
        for round in 1..=MAX_NEWS as u32 {
            let now = SECOND * 10 * round;
            assert_eq!(reports.ask(7, now), Some(0));
            tell(&mut reports, 0, 1, &[entry(1, 10), entry(2, 20)], now);
        }
        assert_eq!(news(&mut reports).len(), MAX_NEWS);
    }

    #[test]
    fn who_has_no_time_is_asked_for_the_same_page_later() {
        let mut reports = Reports::default();
        reports.ask(7, SECOND);
        tell(&mut reports, 0, 3, &[entry(1, 10)], SECOND);
        assert_eq!(reports.ask(7, SECOND * 2), Some(1));
        tell(&mut reports, 1, 0, &[], SECOND * 2);
        assert_eq!(reports.ask(7, SECOND * 11), None);
        assert_eq!(reports.ask(7, SECOND * 12), Some(1));
        tell(&mut reports, 1, 1, &[], SECOND * 12);
        assert_eq!(
            reports.ask(7, SECOND * 13),
            Some(0),
            "there is no such page any more"
        );
    }
}
