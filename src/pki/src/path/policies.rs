//! Certificate policies (RFC 5280 §6.1.2 to §6.1.5), as the policy *graph* of RFC 9618.
//!
//! RFC 5280's tree doubles with every mapping an attacker adds (CVE-2023-0464). In the graph a policy stands once per
//! depth, whatever leads to it, so its size is the number of policies and mappings in the certificates.

use std::collections::{BTreeMap, BTreeSet};

use der::asn1::ObjectIdentifier;

use crate::{certificate::Certificate, oids};

/// The inputs (c), (e), (f) and (g) of RFC 5280 §6.1.1.
#[derive(Clone, Copy, Debug, Default)]
pub struct PolicyInputs<'a> {
    /// user-initial-policy-set; empty means any-policy.
    pub acceptable: &'a [ObjectIdentifier],
    /// initial-explicit-policy: the path must be valid for at least one acceptable policy.
    pub require_explicit: bool,
    /// initial-policy-mapping-inhibit.
    pub inhibit_mapping: bool,
    /// initial-any-policy-inhibit.
    pub inhibit_any: bool,
}

/// A policy at one depth: what the next certificate must say to go on with it, and what led here.
#[derive(Debug, Default)]
struct Node {
    expected: BTreeSet<ObjectIdentifier>,
    parents: BTreeSet<ObjectIdentifier>,
}

type Level = BTreeMap<ObjectIdentifier, Node>;

/// Processes a path without its anchor, the certificate the anchor issued first. Answers the
/// user-constrained-policy-set; any-policy stands for itself.
///
/// # Errors
/// The rule that is broken, with the index of the certificate.
pub(super) fn process(
    path: &[&Certificate],
    inputs: &PolicyInputs<'_>,
) -> Result<Vec<ObjectIdentifier>, (usize, &'static str)> {
    let start = |now: bool| if now { 0 } else { path.len() + 1 };
    let mut explicit = start(inputs.require_explicit);
    let mut any = start(inputs.inhibit_any);
    let mut mapping = start(inputs.inhibit_mapping);
    let root = Node { expected: BTreeSet::from([oids::ANY_POLICY]), parents: BTreeSet::new() };
    let mut levels: Vec<Level> = vec![BTreeMap::from([(oids::ANY_POLICY, root)])];
    for (index, certificate) in path.iter().enumerate() {
        let is_last = index + 1 == path.len();
        let extensions = certificate.extensions();
        let self_issued = certificate.is_self_issued();
        // §6.1.3 (d), (e).
        if certificate.extension_criticality(oids::CERTIFICATE_POLICIES).is_none() {
            levels.clear();
        }
        if extensions.policies.iter().collect::<BTreeSet<_>>().len() < extensions.policies.len() {
            return Err((index, "a certificate policy is listed twice"));
        }
        if let Some(above) = levels.last() {
            let level = descend(above, &extensions.policies, any > 0 || (!is_last && self_issued));
            levels.push(level);
            prune(&mut levels);
        }
        // (f)
        if explicit == 0 && levels.is_empty() {
            return Err((index, "no certificate policy is valid for the path"));
        }
        if is_last {
            // §6.1.5 (a), (b).
            explicit = explicit.saturating_sub(1);
            if extensions.policy_constraints.is_some_and(|own| own.require_explicit_policy == Some(0)) {
                explicit = 0;
            }
            let valid = constrained(&levels, inputs.acceptable);
            // (g)
            if explicit == 0 && valid.is_empty() {
                return Err((index, "no acceptable certificate policy is valid for the path"));
            }
            return Ok(valid);
        }
        // §6.1.4 (a), (b).
        let mappings = &extensions.policy_mappings;
        if mappings.iter().any(|(from, to)| *from == oids::ANY_POLICY || *to == oids::ANY_POLICY) {
            return Err((index, "a policy mapping names any-policy"));
        }
        if let Some(level) = levels.last_mut() {
            map(level, mappings, mapping > 0);
            prune(&mut levels);
        }
        // (h), (i), (j).
        if !self_issued {
            for counter in [&mut explicit, &mut mapping, &mut any] {
                *counter = counter.saturating_sub(1);
            }
        }
        let lower = |counter: &mut usize, to: Option<u32>| {
            let to = to.and_then(|to| usize::try_from(to).ok());
            *counter = to.map_or(*counter, |to| to.min(*counter));
        };
        if let Some(own) = extensions.policy_constraints {
            lower(&mut explicit, own.require_explicit_policy);
            lower(&mut mapping, own.inhibit_policy_mapping);
        }
        lower(&mut any, extensions.inhibit_any_policy);
    }
    Ok(vec![oids::ANY_POLICY])
}

/// §6.1.3 (d)(1) and (2): the certificate's policies below those expected above.
fn descend(above: &Level, policies: &[ObjectIdentifier], any_allowed: bool) -> Level {
    let mut expected_by: BTreeMap<ObjectIdentifier, BTreeSet<ObjectIdentifier>> = BTreeMap::new();
    for (policy, node) in above {
        for expected in &node.expected {
            expected_by.entry(*expected).or_default().insert(*policy);
        }
    }
    let node = |policy: ObjectIdentifier, parents: BTreeSet<ObjectIdentifier>| {
        (policy, Node { expected: BTreeSet::from([policy]), parents })
    };
    let mut level = Level::new();
    for policy in policies.iter().filter(|policy| **policy != oids::ANY_POLICY) {
        match expected_by.get(policy) {
            Some(parents) => level.extend([node(*policy, parents.clone())]),
            None if above.contains_key(&oids::ANY_POLICY) => {
                level.extend([node(*policy, BTreeSet::from([oids::ANY_POLICY]))]);
            }
            None => {}
        }
    }
    if any_allowed && policies.contains(&oids::ANY_POLICY) {
        for (expected, parents) in expected_by {
            level.entry(expected).or_insert_with(|| node(expected, parents).1);
        }
    }
    level
}

/// §6.1.4 (b).
fn map(level: &mut Level, mappings: &[(ObjectIdentifier, ObjectIdentifier)], allowed: bool) {
    let mut targets: BTreeMap<ObjectIdentifier, BTreeSet<ObjectIdentifier>> = BTreeMap::new();
    for (from, to) in mappings {
        targets.entry(*from).or_default().insert(*to);
    }
    for (from, to) in targets {
        if !allowed {
            level.remove(&from);
        } else if let Some(node) = level.get_mut(&from) {
            node.expected = to;
        } else if level.contains_key(&oids::ANY_POLICY) {
            level.insert(from, Node { expected: to, parents: BTreeSet::from([oids::ANY_POLICY]) });
        }
    }
}

/// Deletes what leads nowhere; an empty graph is NULL.
fn prune(levels: &mut Vec<Level>) {
    let mut used: Option<BTreeSet<ObjectIdentifier>> = None;
    for level in levels.iter_mut().rev() {
        if let Some(used) = &used {
            level.retain(|policy, _| used.contains(policy));
        }
        used = Some(level.values().flat_map(|node| node.parents.iter().copied()).collect());
    }
    if levels.iter().any(Level::is_empty) {
        levels.clear();
    }
}

/// §6.1.5 (g): the policies in the anchor's own domain for which the path is valid, as far as they are acceptable.
fn constrained(levels: &[Level], acceptable: &[ObjectIdentifier]) -> Vec<ObjectIdentifier> {
    let valid: BTreeSet<_> = levels
        .iter()
        .flatten()
        .filter(|(policy, node)| **policy != oids::ANY_POLICY && node.parents.contains(&oids::ANY_POLICY))
        .map(|(policy, _)| *policy)
        .collect();
    let any = levels.last().is_some_and(|last| last.contains_key(&oids::ANY_POLICY));
    if acceptable.is_empty() || acceptable.contains(&oids::ANY_POLICY) {
        return valid.into_iter().chain(any.then_some(oids::ANY_POLICY)).collect();
    }
    let acceptable: BTreeSet<_> = acceptable.iter().copied().collect();
    acceptable.into_iter().filter(|policy| any || valid.contains(policy)).collect()
}
