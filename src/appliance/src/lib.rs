//! The Cinnabar service: listeners, identity, policy, journal, store, capabilities and the command line.
