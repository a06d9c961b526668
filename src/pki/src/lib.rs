//! Certificates, CRLs, CMS and path validation. Pure computation: time and randomness are parameters.
